export interface Scrape {
  /** Metrics by name, as their `# TYPE` lines tell. */
  readonly types: ReadonlyMap<string, string>;
  /** Every sample: its name, its labels with their escapes taken back, its value. */
  readonly samples: readonly ScrapedSample[];
  /** The one value of a metric with these labels, or undefined; the prefix is left out. */
  value(metric: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

export interface ScrapedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const labelPattern = /([a-zA-Z_]\w*)="((?:\\.|[^"\\])*)"/g;
const samplePattern = /^(\w+)(?:\{((?:[^"}]|"(?:\\.|[^"\\])*")*)\})? (\S+)$/;

/** Reads what Prometheus reads of a registry; throws at a line that is no sample. */
export async function scrape(registry: { metrics(): Promise<string> }): Promise<Scrape> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '');
  const types = new Map(lines.flatMap((line) => [...line.matchAll(/^# TYPE (\w+) (\w+)$/g)].map(nameAndType)));
  const samples = lines.filter((line) => !line.startsWith('#')).map(parseSample);
  return {
    types,
    samples,
    value(metric, labels = {}) {
      const found = samples.filter(
        (sample) =>
          sample.name === `express_db_backup_${metric}` &&
          Object.entries(labels).every(([name, value]) => sample.labels[name] === value),
      );
      if (found.length > 1) throw new Error(`${metric} has ${found.length} values with these labels.`);
      return found[0]?.value;
    },
  };
}

const nameAndType = ([, name = '', type = '']: RegExpMatchArray): [string, string] => [name, type];

function parseSample(line: string): ScrapedSample {
  const [, name, labels = '', value] = samplePattern.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Error(`This is no sample: ${line}`);
  const pairs = [...labels.matchAll(labelPattern)].map(([, label = '', text = '']) => [label, unescaped(text)]);
  return { name, labels: Object.fromEntries(pairs), value: Number(value) };
}

const unescaped = (text: string): string =>
  text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));

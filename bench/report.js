import { comparedMiB } from './measure-compare.js';
import { clonesTable, compareTable, createsTable, healthTable, loadTable, memoryTable, timesTable } from './tables.js';
import {
  clonesTargets,
  compareTargets,
  createTargets,
  healthTargets,
  listTargets,
  loadTargets,
  memoryTargets,
  smallTargets,
  targetedSmallMiB,
} from './targets.js';

/** The whole result in Markdown; what was not measured is not there. */
export function report({ runs, machine, bySize, small, list, download, compare, health }) {
  return [
    `Median of ${runs} runs, interleaved, each after a \`sync\` and with its output synced; in brackets the lowest and the highest.`,
    'A ratio is the median of the ratios within each round. Machines are shared and noisy: ratios say more than seconds.',
    'A stall without waits for a core leaves out the time in which the host was ready to run and the system had no core for it (Linux); targets are compared with that.',
    'The live database is in WAL mode, with a part of it only in the log.',
    ...bySize.flatMap(sizeSection),
    ...(small ?? []).flatMap(smallSection),
    ...(list ? section('Lists', timesTable('ten thousand backups', list), listTargets(list)) : []),
    ...(download ? section('Download', timesTable('256 MiB over loopback', download, { compared: true }), []) : []),
    ...(compare
      ? section(
          'Compare',
          compareTable(`two databases of ${comparedMiB} MiB, 1 % of the rows changed`, compare),
          compareTargets(compare),
        )
      : []),
    ...(health ? section('Health', healthTable(health), healthTargets(health)) : []),
    ...section(
      'Machine',
      machine.map((line) => `- ${line}`),
      [],
    ),
  ].join('\n');
}

function sizeSection({ sizeMiB, creates, load, memory, clones }) {
  return [
    ...(creates ? section(`Create, ${sizeMiB} MiB`, createsTable(creates), createTargets(creates, sizeMiB)) : []),
    ...(load ? section(`Under load, ${sizeMiB} MiB`, loadTable(load), loadTargets(load, sizeMiB)) : []),
    ...(memory ? section(`Memory, ${sizeMiB} MiB`, memoryTable(memory), memoryTargets(memory)) : []),
    ...(clones ? section(`Copy on write, ${sizeMiB} MiB`, clonesTable(clones), clonesTargets(clones)) : []),
  ];
}

function smallSection({ sizeMiB, creates }) {
  return section(
    `Create, ${sizeMiB} MiB`,
    createsTable(creates),
    sizeMiB === targetedSmallMiB ? smallTargets(creates) : [],
  );
}

const section = (title, lines, targets) => [
  '',
  `## ${title}`,
  '',
  ...lines,
  ...(targets.length > 0 ? ['', ...targets] : []),
];

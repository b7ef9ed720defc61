const phrase = 'I understand this will replace the current database';

/** Lines to copy into a terminal: lose the shop's orders and get them back. */
export function roundTrip(base, token) {
  const api = `${base}/api/backup`;
  const auth = '-H "Authorization: Bearer $TOKEN"';
  return [
    '# A token for developer@example.com',
    `TOKEN=${token}`,
    '# The orders as they are',
    `curl -s ${base}/orders; echo`,
    '# 1. Create a backup',
    `curl -s -X POST ${auth} ${api}/create; echo`,
    '# 2. List the backups',
    `curl -s ${auth} ${api}/list; echo`,
    '# 3. Change data: every order is gone',
    `curl -s -X DELETE ${auth} ${base}/orders; echo`,
    `curl -s ${base}/orders; echo`,
    '# 4. Verify the backup',
    `curl -s -X POST ${auth} ${api}/verify/latest; echo`,
    '# 5. Restore it, while the shop is open',
    `curl -s -X POST ${auth} -H 'Content-Type: application/json' -d '{"confirm": "${phrase}"}' ${api}/restore/latest; echo`,
    '# 6. The old data is back',
    `curl -s ${base}/orders; echo`,
    '',
  ].join('\n');
}

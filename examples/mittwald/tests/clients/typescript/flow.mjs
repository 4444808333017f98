// Drives the TypeScript SDK through one scenario against a protected MCP server.
//
//   node flow.mjs --url URL --user NAME --password PW --era modern|legacy --scenario full|refresh|revoked
//     [--service FILE]
//
// Prints one JSON line a step; the exit code is 0 only when every step passed.
// The password may come from the environment instead: MCP_TEST_PASSWORD.

import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { exitCode, keepSecret, note, report } from './report.mjs';
import { scenarios } from './scenarios.mjs';
import { Session } from './session.mjs';

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    user: { type: 'string' },
    password: { type: 'string', default: process.env.MCP_TEST_PASSWORD },
    era: { type: 'string', default: 'modern' },
    scenario: { type: 'string', default: 'full' },
    service: { type: 'string', default: new URL('../service.json', import.meta.url).pathname },
  },
});

const run = Object.hasOwn(scenarios, values.scenario) ? scenarios[values.scenario] : undefined;
if (!values.url || !values.user || !values.password || !run || !['modern', 'legacy'].includes(values.era)) {
  process.stderr.write('usage: flow.mjs --url URL --user NAME --password PW '
    + `[--era modern|legacy] [--scenario ${Object.keys(scenarios).join('|')}]\n`);
  process.exit(2);
}

// The SDK warns on the console about what the scenarios provoke; standard output is ours alone.
console.log = console.info = console.debug = console.warn = console.error = note;

keepSecret(values.password);
const session = new Session({ ...values, service: JSON.parse(await readFile(values.service, 'utf8')) });
try {
  await session.connect();
  await run(session);
} catch (error) {
  report(error);
} finally {
  await session.close().catch(() => {});
}
// A cut stream may still be waiting to reconnect: nothing is left to be said.
process.exit(exitCode());

// Runs the conformance suite's mode `authorization` once for every specification revision it knows.
//
//   node run.mjs --url ISSUER --resource MCP_URL --client-id ID [--client-secret SECRET]
//                --port PORT --user NAME --password PW [--spec-version REVISION]…
//
// The client must be registered with the redirect URI http://127.0.0.1:PORT/callback.
// Prints one JSON summary; the exit code is 0 only when nothing failed and nothing was skipped.
// The password may come from the environment instead: MCP_TEST_PASSWORD.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { walk } from '../typescript/walker.mjs';

const here = dirname(fileURLToPath(import.meta.url));
// The suite needs Node 22: the npm packages of that name carry it for Linux.
const packaged = join(here, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
const node22 = existsSync(packaged) ? packaged : process.execPath;
const suite = join(here, 'node_modules', '@modelcontextprotocol', 'conformance', 'dist', 'index.js');
const RUN_TIMEOUT_MS = 60_000;

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    resource: { type: 'string' },
    'client-id': { type: 'string' },
    'client-secret': { type: 'string' },
    port: { type: 'string' },
    user: { type: 'string' },
    password: { type: 'string', default: process.env.MCP_TEST_PASSWORD },
    'spec-version': { type: 'string', multiple: true },
  },
});
for (const name of ['url', 'resource', 'client-id', 'port', 'user', 'password']) {
  if (!values[name]) {
    process.stderr.write(`run.mjs needs --${name}\n`);
    process.exit(2);
  }
}

/** Starts the suite and hands each line of its output to `onLine`; resolves to its exit code. */
function runSuite(parameters, onLine) {
  return new Promise((resolve, reject) => {
    const child = spawn(node22, [suite, ...parameters], { stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_TIMEOUT_MS });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? -1));
    child.stderr.resume();
    createInterface({ input: child.stdout }).on('line', onLine);
  });
}

/** The revisions that the suite names beside its authorization scenarios. */
async function knownRevisions() {
  const found = new Set();
  await runSuite(['list', '--authorization'], (line) => {
    for (const revision of line.match(/\d{4}-\d{2}-\d{2}/g) ?? []) found.add(revision);
  });
  if (found.size === 0) throw new Error('the suite named no revision');
  return [...found].sort();
}

/** Signs in, consents, and delivers the redirect to the suite's own listener. */
async function deliver(url) {
  const { location } = await walk(url, values);
  const response = await fetch(location, { signal: AbortSignal.timeout(15_000) });
  await response.arrayBuffer();
}

async function readChecks(folder) {
  const checks = [];
  for (const entry of await readdir(folder, { recursive: true })) {
    if (entry.endsWith('checks.json')) checks.push(...JSON.parse(await readFile(join(folder, entry), 'utf8')));
  }
  return checks.map(({ id, status, errorMessage }) => ({ id, status, ...(errorMessage ? { message: errorMessage } : {}) }));
}

async function runRevision(revision) {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-conformance-'));
  let walking = Promise.resolve();
  let problem;
  try {
    const parameters = [
      'authorization', '--url', values.url, '--resource', values.resource, '--client-id', values['client-id'],
      ...(values['client-secret'] ? ['--client-secret', values['client-secret']] : []),
      '--port', values.port, '--spec-version', revision, '-o', folder,
    ];
    const code = await runSuite(parameters, (line) => {
      if (/^https?:\/\/\S+[?&]code_challenge=/.test(line)) walking = deliver(line).catch((error) => { problem = error.message; });
    });
    await walking;
    const checks = await readChecks(folder);
    const granted = checks.some(({ id, status }) => id === 'authorization-code-grant' && status === 'SUCCESS');
    const bad = checks.some(({ status }) => status !== 'SUCCESS' && status !== 'WARNING' && status !== 'INFO');
    return { revision, ok: code === 0 && granted && !bad && problem === undefined, code, checks, ...(problem ? { walker: problem } : {}) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const runs = [];
for (const revision of values['spec-version'] ?? await knownRevisions()) runs.push(await runRevision(revision));
const ok = runs.every((run) => run.ok);
process.stdout.write(`${JSON.stringify({ ok, runs })}\n`);
process.exit(ok ? 0 : 1);

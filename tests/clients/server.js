// A Muster of its own for a test: the program that cargo built, on a free port and a temporary directory.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = process.env.MUSTER_PROGRAM ?? fileURLToPath(new URL('../../target/debug/muster', import.meta.url));

/** Starts a server with an administrator and a token of theirs. Its url, and `fetch` as they. */
export async function startMuster() {
  const directory = mkdtempSync(join(tmpdir(), 'mu-clients-'));
  const address = `127.0.0.1:${await freePort()}`;
  const env = { PATH: process.env.PATH, MUSTER_DATA_DIR: directory, MUSTER_HTTP_LISTEN: address };
  const command = (input, ...args) => execFileSync(PROGRAM, args, { env, input, encoding: 'utf8' }).trim();
  const email = 'admin@muster.test';
  command('correct horse battery', 'user', 'create', '--email', email, '--name', 'Ada', '--role', 'ADMIN', '--password-stdin');
  const token = command('', 'token', 'create', '--email', email);
  const server = spawn(PROGRAM, ['serve'], { env, stdio: 'ignore' });
  const ended = new Promise((resolve) => server.once('exit', resolve));
  await ready(`http://${address}/readyz`, ended);
  return {
    url: `http://${address}/graphql`,
    token,
    fetch: (url, init = {}) => {
      const headers = new Headers(init.headers);
      headers.set('authorization', `Bearer ${token}`);
      return fetch(url, { ...init, headers });
    },
    async stop() {
      server.kill();
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Waits until the server answers; fails when it ends before. */
async function ready(url, ended) {
  const deadline = Date.now() + 30_000;
  const isEnded = ended.then((code) => Promise.reject(new Error(`the server ended with ${code}`)));
  isEnded.catch(() => {});
  for (;;) {
    const answer = fetch(url).catch(() => null);
    if ((await Promise.race([answer, isEnded]))?.ok) return;
    if (Date.now() > deadline) throw new Error('the server does not answer');
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 50)), isEnded]);
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

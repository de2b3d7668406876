// A real server with simulated hosts: `muster demo`, which stays up until it is told to end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const BINARY = process.env.MUSTER_BINARY ?? fileURLToPath(new URL('../../target/debug/muster', import.meta.url));

/** Starts it with so many hosts; answers its address, a token of its admin, and how to end it. */
export async function startFleet(hosts) {
  const demo = spawn(BINARY, ['demo', '--hosts', String(hosts)], { stdio: ['ignore', 'ignore', 'pipe'] });
  const told = await readUntil(demo, 'stay up at');
  const endpoint = /GraphQL API +(\S+)/.exec(told)[1];
  const [email, password] = [/E-mail +(\S+)/, /Password +(\S+)/].map((pattern) => pattern.exec(told)[1]);
  const token = await login(endpoint, { email, password });
  const stop = async () => {
    demo.kill('SIGINT');
    await once(demo, 'exit');
  };
  return { url: new URL(endpoint), token, stop };
}

async function readUntil(demo, words) {
  let told = '';
  for await (const bytes of demo.stderr) {
    told += bytes;
    if (told.includes(words)) break;
  }
  if (!told.includes(words)) throw new Error(`the demonstration ended: ${told}`);
  return told;
}

async function login(endpoint, input) {
  const query = 'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }';
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(endpoint, { method: 'POST', headers, body: JSON.stringify({ query, variables: { input } }) });
  return (await response.json()).data.login.accessToken;
}

// Runs every example against a real server. Those that follow a campaign lose their connection twice on the way, and
// must print the answer of each host exactly once all the same.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startFleet } from './fleet.js';
import { startProxy } from './proxy.js';

const HOSTS = 60;
const SQL = 'select name, version from os_version';
const PYTHON = process.env.PYTHON ?? 'python3';
const FOLLOWERS = {
  'javascript/graphql-ws.js': [process.execPath],
  'javascript/apollo.js': [process.execPath],
  'javascript/graphql-sse.js': [process.execPath],
  'javascript/urql.js': [process.execPath],
  'python/watch.py': [PYTHON],
};
const SHOWN = { 'curl/query.sh': 'bash', 'javascript/graphql-ws.js': 'js', 'python/watch.py': 'python' };

let fleet;
before(async () => (fleet = await startFleet(HOSTS)));
after(() => fleet.stop());

for (const [example, runner] of Object.entries(FOLLOWERS)) {
  test(`${example} prints each answer once`, { timeout: 60_000 }, async () => {
    const proxy = await startProxy(fleet.url);
    try {
      const printed = (await run(proxy.url, runner, example, SQL)).trim().split('\n').map((line) => JSON.parse(line));
      assert.equal(proxy.cuts, 2, 'the connection was lost twice');
      assert.equal(printed.length, HOSTS);
      assert.equal(new Set(printed.map(({ hostname }) => hostname)).size, HOSTS);
      assert.ok(printed.every(({ rows }) => rows.length === 1 && rows[0].version), 'with its row');
    } finally {
      proxy.stop();
    }
  });
}

test('curl/query.sh prints the hosts', { timeout: 60_000 }, async () => {
  const { data } = JSON.parse(await run(fleet.url.origin, ['bash'], 'curl/query.sh'));
  assert.equal(data.hosts.nodes.length, HOSTS);
});

test('curl/watch.sh prints each answer once', { timeout: 60_000 }, async () => {
  const proxy = await startProxy(fleet.url);
  try {
    const out = await run(proxy.url, ['bash'], 'curl/watch.sh', await startCampaign());
    const events = out.trim().split('\n').flatMap((line) => JSON.parse(line).data.campaignEvents.events);
    const answers = events.filter(({ rows }) => rows);
    assert.equal(proxy.cuts, 2, 'the connection was lost twice');
    assert.equal(answers.length, HOSTS);
    assert.equal(new Set(answers.map(({ hostname }) => hostname)).size, HOSTS);
  } finally {
    proxy.stop();
  }
});

async function startCampaign() {
  const query = 'mutation ($input: StartCampaignInput!) { startCampaign(input: $input) { campaign { id } } }';
  const variables = { input: { source: { sql: SQL }, targets: { allHosts: true } } };
  const headers = { authorization: `Bearer ${fleet.token}`, 'content-type': 'application/json' };
  const response = await fetch(fleet.url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  return (await response.json()).data.startCampaign.campaign.id;
}

/** What an example prints; it must end well, and complain of nothing. */
async function run(server, [program, ...options], example, ...words) {
  const file = fileURLToPath(new URL(`../${example}`, import.meta.url));
  const env = { ...process.env, MUSTER_SERVER: server, MUSTER_TOKEN: fleet.token };
  const child = spawn(program, [...options, file, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const code = child.exitCode ?? (await new Promise((resolve) => child.on('exit', resolve)));
  assert.deepEqual({ code, err }, { code: 0, err: '' }, out);
  return out;
}

async function text(stream) {
  let text = '';
  for await (const bytes of stream.setEncoding('utf8')) text += bytes;
  return text;
}

test('the README shows the examples as they are', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  for (const [example, language] of Object.entries(SHOWN)) {
    const code = readFileSync(new URL(`../${example}`, import.meta.url), 'utf8');
    assert.ok(readme.includes(`\`\`\`${language}\n${code}\`\`\`\n`), example);
  }
});

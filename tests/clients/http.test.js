// GraphQL over HTTP as its specification has it, by the audits that its working group's reference server is held to.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { serverAudits } from 'graphql-http';
import { startMuster } from './server.js';

let muster;
before(async () => {
  muster = await startMuster();
});
after(() => muster.stop());

const audits = serverAudits({ url: () => muster.url, fetchFn: (...request) => muster.fetch(...request) });

test('there are 61 audits', () => assert.equal(audits.length, 61));

for (const audit of audits) {
  test(`${audit.id} ${audit.name}`, async () => {
    const result = await audit.fn();
    assert.equal(result.status, 'ok', result.reason);
  });
}

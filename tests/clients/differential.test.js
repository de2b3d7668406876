// The committed answers, which `cargo test` compares with Muster's, are those of graphql-js.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { files } from './differential/cases.js';

test('the answers are those of graphql-js', async () => {
  let count = 0;
  for await (const file of files()) {
    assert.equal(file.text, file.fresh, `${file.name} is stale: npm run differential`);
    count += file.count;
  }
  assert.ok(count >= 60, `${count} documents`);
});

// The published schema by the tools that clients use on it: linter, code generators, and what breaks an old client.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { ESLint } from 'eslint';
import { buildSchema, isInputObjectType, isScalarType, isSpecifiedScalarType } from 'graphql';

const SCHEMA = new URL('../../schema.graphql', import.meta.url);
const read = (url) => readFileSync(url, 'utf8');

test('the linter finds nothing', async () => {
  const eslint = new ESLint({ cwd: new URL('.', import.meta.url).pathname });
  const results = await eslint.lintText(read(SCHEMA), { filePath: 'schema.graphql' });
  const found = results.flatMap(({ messages }) => messages);
  assert.deepEqual(found.map(({ line, ruleId, message }) => `${line} ${ruleId}: ${message}`), []);
});

test('a change that breaks clients is a decision', async () => {
  const released = buildSchema(read(new URL('released.graphql', import.meta.url)));
  const changes = await diff(released, buildSchema(read(SCHEMA)));
  const breaking = changes.filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking);
  const decided = JSON.parse(read(new URL('breaking.json', import.meta.url)));
  for (const { change, because } of decided) assert.ok(change && because, 'a decision has a change and its reason');
  assert.deepEqual(
    breaking.map(({ message }) => message).sort(),
    decided.map(({ change }) => change).sort(),
  );
});

test('scalars of our own say what they are, and lookups take one of several', () => {
  const types = Object.values(buildSchema(read(SCHEMA)).getTypeMap());
  const own = types.filter((type) => isScalarType(type) && !isSpecifiedScalarType(type));
  assert.ok(own.length >= 4);
  assert.deepEqual(own.filter(({ specifiedByURL }) => !specifiedByURL).map(({ name }) => name), []);
  const oneOf = types.filter((type) => isInputObjectType(type) && type.isOneOf).map(({ name }) => name);
  for (const name of ['HostLookup', 'LiveQuerySource', 'TargetsInput']) assert.ok(oneOf.includes(name), `${name}: ${oneOf}`);
});

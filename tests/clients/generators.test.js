// The code generators that clients run on the schema.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import * as operations from '@graphql-codegen/typescript-operations';
import { parse } from 'graphql';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const SCHEMA = here('../../schema.graphql');

test('graphql-codegen makes types of the schema and of documents', async () => {
  const scalars = {
    ActivityDetails: 'Record<string, unknown>',
    DestinationOptions: 'Record<string, unknown>',
    DateTime: 'string',
    OsqueryRow: 'Record<string, string | null>',
    OsqueryRows: 'Array<Record<string, string | null>>',
    UInt64: 'string',
  };
  const code = await codegen({
    filename: 'types.ts',
    schema: parse(readFileSync(SCHEMA, 'utf8')),
    documents: [{ location: 'documents.graphql', document: parse(readFileSync(here('documents.graphql'), 'utf8')) }],
    plugins: [{ typescript: {} }, { operations: {} }],
    pluginMap: { typescript, operations },
    config: { scalars, strictScalars: true, enumsAsTypes: true },
  });
  for (const type of ['HostsQuery', 'NodeQuery', 'StartCampaignMutation', 'CampaignEventsSubscription']) {
    assert.ok(code.includes(`export type ${type} =`), type);
  }
});

test('relay-compiler compiles connections, refetches and updates of a store', () => {
  const project = mkdtempSync(join(tmpdir(), 'mu-relay-'));
  try {
    cpSync(here('relay'), project, { recursive: true });
    copyFileSync(SCHEMA, join(project, 'schema.graphql'));
    mkdirSync(join(project, 'artifacts'));
    const compiler = createRequire(import.meta.url).resolve('relay-compiler/cli.js');
    const run = spawnSync(process.execPath, [compiler, 'relay.config.json'], { cwd: project, encoding: 'utf8' });
    const told = run.stdout + run.stderr;
    assert.equal(run.status, 0, told);
    assert.doesNotMatch(told, /error|warning/i);
    assert.ok(readdirSync(join(project, 'artifacts')).includes('AppHostsPageQuery.graphql.ts'), told);
  } finally {
    rmSync(project, { recursive: true });
  }
});

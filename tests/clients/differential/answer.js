// What graphql-js makes of a request, in the words of the cases.

import { readFileSync } from 'node:fs';
import { buildSchema, execute, getOperationAST, parse, subscribe, validate } from 'graphql';
import { getVariableValues } from 'graphql/execution/values.js';
import { makeContext, makeSchema } from './resolvers.js';

const SCHEMA = makeSchema();
const MUSTER = buildSchema(readFileSync(new URL('../../../schema.graphql', import.meta.url), 'utf8'));

/** The answer to a request: executed on the schema for tests, or only validated on Muster's. */
export async function answer(request, { onlyValidate }) {
  const schema = onlyValidate ? MUSTER : SCHEMA;
  let document;
  try {
    document = parse(request.query);
  } catch {
    return { refused: 'GRAPHQL_PARSE_FAILED' };
  }
  if (validate(schema, document).length > 0) return { refused: 'GRAPHQL_VALIDATION_FAILED' };
  const operation = getOperationAST(document, request.operationName);
  if (!operation) return { refused: 'OPERATION_RESOLUTION_FAILURE' };
  const variables = request.variables ?? {};
  if (getVariableValues(schema, operation.variableDefinitions ?? [], variables).errors) {
    return { refused: 'BAD_USER_INPUT' };
  }
  if (onlyValidate) return { refused: null };
  return run(operation.operation, {
    schema,
    document,
    variableValues: variables,
    operationName: request.operationName,
    contextValue: makeContext(),
  });
}

async function run(kind, args) {
  if (kind !== 'subscription') return compared(await execute(args));
  const events = await subscribe(args);
  if (!(Symbol.asyncIterator in events)) return { refused: events.errors[0].extensions.code };
  const answers = [];
  for await (const event of events) answers.push(compared(event));
  return answers;
}

function compared({ data, errors }) {
  if (!errors) return { data };
  return {
    data,
    errors: errors.map(({ message, path, locations, extensions }) => ({
      message,
      path,
      at: { line: locations[0].line, column: locations[0].column },
      code: extensions.code,
    })),
  };
}

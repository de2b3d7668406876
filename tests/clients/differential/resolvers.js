// The schema of schema.graphql with resolvers that fail, refuse and wait wherever they can; tests/it/differential is
// the same in Rust.

import { readFileSync } from 'node:fs';
import { buildSchema, GraphQLError } from 'graphql';

const SDL = readFileSync(new URL('schema.graphql', import.meta.url), 'utf8');

/** The executable schema. */
export function makeSchema() {
  const schema = buildSchema(SDL);
  for (const [name, fields] of Object.entries(RESOLVERS)) {
    for (const [field, resolver] of Object.entries(fields)) {
      const declared = schema.getType(name).getFields()[field];
      Object.assign(declared, typeof resolver === 'function' ? { resolve: resolver } : resolver);
    }
  }
  return schema;
}

/** What is new for each request. */
export function makeContext() {
  return { counter: 0 };
}

function fail(message) {
  return () => {
    throw new GraphQLError(message, { extensions: { code: 'FAILED' } });
  };
}

const failing = fail('failed');
const refused = fail('refused');
const thing = (n) => ({ __typename: 'Thing', n });
const other = (n) => ({ __typename: 'Other', n });
const three = ({ n }) => [thing(n), thing(n + 1), thing(n + 2)];
const later = async (value) => {
  for (let turn = 0; turn < 3; turn += 1) await null;
  return value;
};

const Thing = {
  id: ({ n }) => `thing_${n}`,
  name: ({ n }) => `Thing ${n}`,
  number: ({ n }) => n,
  slow: ({ n }) => later(n),
  label: ({ n }) => `label ${n}`,
  nothing: () => null,
  failing,
  mustFail: failing,
  slowMustFail: () => later().then(failing),
  mustBeEven: ({ n }) => (n % 2 === 0 ? n : failing()),
  guarded: refused,
  mustGuarded: refused,
  child: ({ n }) => thing(n + 1),
  mustChild: ({ n }) => thing(n + 1),
  slowChild: ({ n }) => later(thing(n + 1)),
  children: three,
  mustChildren: three,
  maybeChildren: three,
  failingChildren: failing,
  rows: (parent) => [three(parent), [], [thing(9)]],
  maybeRows: () => [[thing(2), null, thing(3)], null, []],
  any: ({ n }) => [thing(n + 1), other(n + 2)],
  node: ({ n }) => other(n),
};

const Other = {
  id: ({ n }) => `other_${n}`,
  label: failing,
  number: ({ n }) => n,
  size: ({ n }) => n * 10,
  mustFail: failing,
  thing: ({ n }) => later(thing(n)),
};

const Query = {
  thing: () => thing(1),
  mustThing: () => thing(2),
  slow: () => later(7),
  things: () => [thing(2), thing(3), thing(4)],
  failing,
  guarded: refused,
  mustFail: failing,
  grid: () => [[1, 2], [], [3]],
  holes: () => [[1, null], null, []],
  any: () => [thing(1), other(2), thing(3)],
  node: (_, { id }) => ({ thing: thing(1), other: other(2) })[id] ?? null,
  echo: (_, { int, float, text, flag, id, color, filter, ids, matrix }) =>
    [
      `int=${int}`,
      `float=${told(float)}`,
      `text=${told(text)}`,
      `flag=${told(flag)}`,
      `id=${told(id)}`,
      `color=${told(color)}`,
      `filter=${told(filter && toldFilter(filter))}`,
      `ids=${told(ids && toldList(ids))}`,
      `matrix=${told(matrix && toldList(matrix.map(toldList)))}`,
    ].join(' '),
  mustEcho: (_, { int, ids }) => `${int} ${toldList(ids)}`,
  pick: (_, { by }) => {
    const [[kind, value]] = Object.entries(by);
    return `${kind} ${kind === 'filter' ? toldFilter(value) : value}`;
  },
};

const told = (value) => (value == null ? 'null' : String(value));
const toldList = (items) => `[${items.join(',')}]`;
const toldFilter = ({ name, color, limit, inner, tags }) =>
  `{${name} ${told(color)} ${limit} ${told(inner && toldFilter(inner))} ${told(tags && toldList(tags))}}`;

const Mutation = {
  add: async (_, { n }, context) => {
    await later();
    context.counter += n;
    return context.counter;
  },
  make: (_, __, context) => {
    context.counter += 1;
    return thing(context.counter);
  },
  failing,
};

async function* count(to) {
  for (let n = 1; n <= to; n += 1) yield thing(n);
}

const stream = { subscribe: (_, { to }) => count(to), resolve: (event) => event };
const Events = { things: stream, mustThings: stream, unwilling: { subscribe: failing } };

const RESOLVERS = { Query, Mutation, Events, Thing, Other };

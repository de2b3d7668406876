// The rules that schema.graphql keeps. What is switched off has its reason beside it.

import graphql from '@graphql-eslint/eslint-plugin';

const DOCUMENTED = {
  types: true,
  DirectiveDefinition: true,
  EnumValueDefinition: true,
  FieldDefinition: true,
  InputValueDefinition: true,
  rootField: true,
};

// Arguments of @skip, @include and @specifiedBy.
const STANDARD = '[type=DirectiveDefinition] [type=InputValueDefinition]';

export default [
  {
    files: ['**/*.graphql'],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: '../../schema.graphql' } } },
    plugins: { '@graphql-eslint': graphql },
    rules: {
      ...graphql.configs['flat/schema-recommended'].rules,
      ...graphql.configs['flat/schema-relay'].rules,
      // A long description is a block.
      '@graphql-eslint/description-style': 'off',
      '@graphql-eslint/input-name': ['error', { checkInputType: true, checkQueries: false, caseSensitiveInputType: false }],
      '@graphql-eslint/no-scalar-result-type-on-mutation': 'error',
      // Most lists go forward only: a page before is one the client has seen.
      '@graphql-eslint/relay-arguments': ['error', { includeBoth: false }],
      // Connections also offer their nodes without cursors, and targets and events are no nodes: they have no id.
      '@graphql-eslint/relay-edge-types': ['error', { shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false }],
      // hostname and hostIdentifier are the words of osquery and of everybody.
      '@graphql-eslint/no-typename-prefix': 'off',
      // What has an id is a Node; the others are parts of one.
      '@graphql-eslint/strict-id-in-types': 'off',
      '@graphql-eslint/require-description': ['error', { ...DOCUMENTED, ignoredSelectors: [STANDARD] }],
      '@graphql-eslint/require-deprecation-reason': 'error',
      '@graphql-eslint/unique-enum-value-names': 'error',
    },
  },
];

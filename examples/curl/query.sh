#!/usr/bin/env bash
# The hosts, by name: query.sh
curl --fail-with-body --silent --show-error "${MUSTER_SERVER:-http://localhost:8080}/graphql" \
  --header "Authorization: Bearer $MUSTER_TOKEN" --header 'Content-Type: application/json' \
  --data '{"query": "{ hosts(first: 100, sort: { field: HOSTNAME, direction: ASC }) { nodes { hostname osVersion } } }"}'

#!/usr/bin/env bash
# The answers of a campaign as they arrive, also when the connection is lost: watch.sh CAMPAIGN
query='subscription ($id: ID!) { campaignEvents(campaignId: $id) { events { ... on CampaignHostRows { hostname rows } } } }'
last=
until [ "$ended" ]; do
  id= data=
  while IFS= read -r line; do
    case $line in
      'event: complete'*) ended=1 ;;
      'data: '?*) data=${line#data: } ;;
      'id: '*) id=${line#id: } ;;
      '') [ -z "$data" ] || printf '%s\n' "$data"; last=${id:-$last} data= ;; # the end of an event
    esac
  done < <(curl --no-buffer --silent "${MUSTER_SERVER:-http://localhost:8080}/graphql" \
    --header "Authorization: Bearer $MUSTER_TOKEN" --header 'Accept: text/event-stream' \
    --header 'Content-Type: application/json' --header "Last-Event-ID: $last" \
    --data "{\"query\": \"$query\", \"variables\": {\"id\": \"$1\"}}")
  [ "$ended" ] || sleep 1
done

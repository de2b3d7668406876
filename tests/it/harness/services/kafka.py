"""A Kafka cluster for the tests: librdkafka's own mock of three brokers, and a consumer of what is sent to it.

The address goes to the file `address` here; each record is appended to `records`, a JSON object a line.
"""

import json

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

# The cluster lives as long as the producer that it is made by.
cluster = Producer({"test.mock.num.brokers": 3, "bootstrap.servers": "unused", "log_level": 0})
brokers = cluster.list_topics(timeout=20).brokers.values()
address = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
consumer = Consumer({"bootstrap.servers": address, "group.id": "tests", "log_level": 0})
with open("address", "w") as file:
    file.write(address)
print("ready to accept connections", flush=True)

assigned = set()
with open("records", "w") as records:
    while True:
        topics = consumer.list_topics(timeout=20).topics.values()
        known = {(topic.topic, partition) for topic in topics for partition in topic.partitions}
        if known != assigned:
            new = [TopicPartition(*place, OFFSET_BEGINNING) for place in sorted(known - assigned)]
            consumer.incremental_assign(new)
            assigned = known
        for message in consumer.consume(1000, timeout=0.2):
            if message.error():
                continue
            text = lambda given: given.decode() if given is not None else None
            record = {
                "topic": message.topic(),
                "partition": message.partition(),
                "timestamp": message.timestamp()[1],
                "key": text(message.key()),
                "value": text(message.value()),
                "headers": {name: text(value) for name, value in message.headers() or []},
            }
            records.write(json.dumps(record) + "\n")
            records.flush()

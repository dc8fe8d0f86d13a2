"""The seed's way of migrating: elasticsearch-py's scan into parallel_bulk. Its choices are kept; only the missing
BULK_SIZE is set and the outcome printed."""
import sys

import statsd
from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan
from elasticsearch6 import Elasticsearch as Elasticsearch6
from elasticsearch6.helpers import parallel_bulk

QUERY_MATCH_ALL = {"query": {"match_all": {}}}
SCAN_SIZE = 1000
BULK_SIZE = 1000
SCAN_REQUEST_TIMEOUT = "3m"
REQUEST_TIMEOUT = 180
MAX_CHUNK_BYTES = 15 * 1024 * 1024


def stream(source, index_source, index_target):
    for item in scan(source, query=QUERY_MATCH_ALL, index=index_source, size=SCAN_SIZE, timeout=SCAN_REQUEST_TIMEOUT):
        yield {"_index": index_target, "_type": "_doc", "_id": item["_id"], "_source": item.get("_source")}


def main(source_url, target_url, index_source, index_target):
    source, target = Elasticsearch(source_url), Elasticsearch6(target_url)
    client = statsd.StatsClient(host="localhost", port=8125)
    ok_count = fail_count = 0
    total = source.count(index=index_source, body=QUERY_MATCH_ALL)["count"]
    client.gauge("elastic_migration_document_total_count,index={0},type=success".format(index_target), total)
    with client.timer("elastic_migration_time_ms,index={0}".format(index_target)):
        for ok, item in parallel_bulk(
            target,
            chunk_size=BULK_SIZE,
            max_chunk_bytes=MAX_CHUNK_BYTES,
            actions=stream(source, index_source, index_target),
            request_timeout=REQUEST_TIMEOUT,
            raise_on_error=False,
        ):
            kind = "success" if ok else "failure"
            client.incr("elastic_migration_document_count,index={0},type={1}".format(index_target, kind), 1)
            if ok:
                ok_count += 1
            else:
                fail_count += 1
    print(ok_count, fail_count)


main(*sys.argv[1:5])

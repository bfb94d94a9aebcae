#!/bin/sh
# PostgreSQL's archive_command: stores a completed WAL segment beside the data until deploy/backup
# fetches it. Succeeds only after the segment is durable, and never overwrites a different segment
# of the same name.
set -eu
from=$1 name=$2 archive=$PGDATA/../archive

mkdir -p "$archive"
if [ -e "$archive/$name.gz" ]; then
    # PostgreSQL retries after a crash between archiving and noting it: an identical file is fine.
    gzip -dc "$archive/$name.gz" | cmp -s - "$from" && exit 0
    echo "archive.sh: the archive contains a different $name" >&2
    exit 1
fi
gzip -nc "$from" >"$archive/.$name.partial"
sync "$archive/.$name.partial"
mv "$archive/.$name.partial" "$archive/$name.gz"
sync "$archive"

#!/bin/sh
# PostgreSQL's archive_command: keeps a finished piece of WAL beside the data until deploy/backup fetches it.
# Succeeds only once the piece is durable, and never writes over another one of the same name.
set -eu
from=$1 name=$2 archive=$PGDATA/../archive

mkdir -p "$archive"
if [ -e "$archive/$name.gz" ]; then
    # Archived before, and then PostgreSQL crashed before it knew: fine when it is the same.
    gzip -dc "$archive/$name.gz" | cmp -s - "$from" && exit 0
    echo "archive.sh: another $name is in the archive" >&2
    exit 1
fi
gzip -nc "$from" >"$archive/.$name.partial"
sync "$archive/.$name.partial"
mv "$archive/.$name.partial" "$archive/$name.gz"
sync "$archive"

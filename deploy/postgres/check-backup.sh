#!/usr/bin/env bash
# Checks what node.sh is about to restore, before it is unpacked: that the base backup has only
# PostgreSQL's own files, and that no WAL is missing between it and the newest segment. Recovery
# would end at a gap without an error.
#
#   check-backup.sh BASE.tar.gz WAL-FOLDER
set -euo pipefail
export LC_ALL=C
base=$1 wal=$2

fail() {
    echo "check-backup: $*" >&2
    exit 1
}

other=$(tar -tvPzf "$base" | grep -v '^[-d]' | head -n 1) || :
[[ -z $other ]] || fail "the base backup contains a link or a device: $other"

# No element of a path begins with a dot. Tablespaces are outside the data folder.
part='[A-Za-z0-9_][A-Za-z0-9_.]*'
folders='base|global|pg_(commit_ts|dynshmem|logical|multixact|notify|replslot|serial|snapshots'
folders+='|stat|stat_tmp|subtrans|twophase|wal|xact)'
files='PG_VERSION|(backup_label|tablespace_map)(\.old)?|backup_manifest|current_logfiles|pg_tblspc/'
configuration='postgresql(\.auto)?\.conf|pg_(hba|ident)\.conf'
names=$(tar -tPzf "$base" | sed 's|^\./||')
other=$(grep -Evx "$files|$configuration|($folders)/($part/?)*" <<<"$names" | head -n 1) || :
[[ -z $other ]] || fail "the base backup contains $other, which PostgreSQL's data has not"
map=$(tar -xzOf "$base" --occurrence=1 tablespace_map 2>/dev/null) || :
[[ -z $map ]] || fail "the base backup has tablespaces, which are folders outside its data: $map"

# number SEGMENT: prints the place of a segment in the WAL, with 16 MB per segment.
number() { echo $((16#${1:8:8} * 256 + 16#${1:16:8})); }

# archived TIMELINE NUMBER: whether the segment is in the folder, or in the base backup.
archived() {
    local name
    name=$(printf '%08X%08X%08X' "$1" $(($2 / 256)) $(($2 % 256)))
    [[ -e $wal/$name.gz ]] || grep -qx "pg_wal/$name" <<<"$names"
}

start=$(tar -xzOf "$base" --occurrence=1 backup_label 2>/dev/null |
    sed -n 's/^START WAL LOCATION: .* (file \([0-9A-F]\{24\}\))$/\1/p') || :
[[ -n $start ]] || fail "the base backup has no backup_label that names its first WAL segment"
timeline=$((16#${start:0:8}))

# Each promotion begins a timeline, whose history names those before it and where they ended.
newest=$timeline
for file in "$wal"/*.gz; do
    name=${file##*/}
    [[ -e $file ]] || continue
    ((16#${name:0:8} <= newest)) || newest=$((16#${name:0:8}))
done
history=
for ((next = timeline + 1; next <= newest; next++)); do
    file=$wal/$(printf '%08X' "$next").history.gz
    [[ -e $file ]] || fail "${file##*/} is missing, so the WAL after that promotion is of no use"
    history=$(gzip -dc "$file")
done

# timeline_of NUMBER: prints the timeline that a segment must be of.
timeline_of() {
    local parent at rest
    while read -r parent at rest; do
        [[ $parent =~ ^[0-9]+$ && $at =~ ^[0-9A-F]+/[0-9A-F]+$ ]] || continue
        if (($1 < 16#${at%/*} * 256 + (16#${at#*/} >> 24))); then
            echo "$parent"
            return
        fi
    done <<<"$history"
    echo "$newest"
}

last=0
for file in "$wal"/*.gz; do
    name=${file##*/} && name=${name%.gz}
    [[ $name =~ ^[0-9A-F]{24}$ ]] || continue
    at=$(number "$name")
    ((at <= last || 16#${name:0:8} != $(timeline_of "$at"))) || last=$at
done
for ((at = $(number "$start"); at <= last; at++)); do
    archived "$(timeline_of "$at")" "$at" || fail "WAL segment" \
        "$(printf '%08X%08X%08X' "$(timeline_of "$at")" $((at / 256)) $((at % 256))) is missing." \
        "To restore only what was written before it, take the later ones out of the backup"
done

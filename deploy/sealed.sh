# Sourced by deploy/backup and deploy/restore: the files of a backup. NAME.age is encrypted with age.
# Beside it, NAME.signed has a statement about it, and a signature over the statement with
# backup.key. The caller sets `folder`, the backup, and `work`, a private folder.
# shellcheck shell=bash disable=SC2154

export LC_ALL=C

digest() { sha256sum | cut -d ' ' -f 1; }

# statement NAME CONTENT SEALED: prints what is signed: the file's name, and the SHA-256 of what it
# contains (without compression) and of the encrypted file.
statement() { printf 'strongroom-backup 1\nname %s\ncontent %s\nsealed %s\n' "$@"; }

# programs_and_keys KEY…: fails unless the programs, and these files of deploy/secrets, are there.
programs_and_keys() {
    local name
    for name in age openssl; do
        command -v "$name" >/dev/null ||
            fail "$name is missing; please install it (on Debian the package $name)"
    done
    for name in "$@"; do
        [[ -r $secrets/$name ]] ||
            fail "cannot read $secrets/$name. Put it there, and run this as root. A deployment" \
                "that never had it gets it from deploy/init-secrets"
    done
}

# encrypt NAME: encrypts a gzip file from standard input. It is not part of the backup until it is
# published. The digests are of the bytes that passed through: FOLDER may be another machine's.
encrypt() {
    local whole
    rm -f "$work/copy"
    mkfifo "$work/copy"
    gzip -dc <"$work/copy" | digest >"$work/content" &
    whole=$!
    tee "$work/copy" | age --encrypt --recipients-file "$secrets/backup.recipient" |
        tee "$folder/$1.age.partial" | digest >"$work/sealed"
    wait "$whole" || fail "$1 arrived incomplete"
}

# publish NAME: signs what `encrypt` has written, and adds it to the backup.
publish() {
    local to=$folder/$1 text
    text=$(statement "$1" "$(<"$work/content")" "$(<"$work/sealed")")
    {
        printf '%s\n' "$text"
        printf 'signature '
        printf '%s\n' "$text" | openssl dgst -sha256 -sign "$secrets/backup.key" | base64 -w 0
        echo
    } >"$to.signed.partial"
    sync "$to.age.partial" "$to.signed.partial"
    mv "$to.signed.partial" "$to.signed"
    mv "$to.age.partial" "$to.age"
    sync "$(dirname "$to")"
}

# verified NAME SEALED: prints the digest of the content of NAME, if the statement beside it is
# signed by this deployment and is about an encrypted file with the digest SEALED. Else fails.
verified() {
    local text content
    [[ -f $folder/$1.signed && ! -L $folder/$1.signed ]] || return 1
    text=$(head -c 1000 "$folder/$1.signed" | tr -d '\0')
    content=$(sed -n 's/^content //p' <<<"$text")
    sed -n 's/^signature //p' <<<"$text" | base64 -d >"$work/signature" 2>/dev/null || return 1
    statement "$1" "$content" "$2" |
        openssl dgst -sha256 -verify "$secrets/backup.pub" -signature "$work/signature" \
            >/dev/null 2>&1 || return 1
    printf '%s\n' "$content"
}

# decrypt NAME TO: copies NAME from the backup, verifies the copy, and decrypts it to the file TO.
decrypt() {
    local from=$folder/$1.age
    [[ -f $from && ! -L $from ]] || fail "$from is missing, or is not a plain file"
    cat "$from" >"$work/copy"
    verified "$1" "$(digest <"$work/copy")" >/dev/null ||
        fail "$from is not what deploy/backup has stored under this name with the keys of this" \
            "deployment: it was altered, moved or made by another party. Nothing was restored"
    age --decrypt --identity "$secrets/backup.identity" --output "$2" "$work/copy" ||
        fail "$secrets/backup.identity does not open $from"
    rm "$work/copy"
}

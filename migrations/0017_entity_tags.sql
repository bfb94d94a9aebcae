-- The version of the row and 8 bytes of its digest, by which lists show whether a credential has changed. It is null
-- where a restore wrote the row, and of another version where a server of an earlier version of the program did: the
-- tag is then computed from the row.
do $$
begin
    alter table credentials add column etag bytea;
end
$$;

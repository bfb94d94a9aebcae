-- The version of the row and 8 bytes of its digest, by which lists show whether a credential has changed. It is null in
-- rows that a restore or an earlier version of the program wrote, and of another version where the latter changed the
-- row. The tag is then computed.
do $$
begin
    alter table credentials add column etag bytea;
end
$$;

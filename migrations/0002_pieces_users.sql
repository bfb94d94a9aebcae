-- A user's key on the Pieces surface is a credential like any other; this column, and not the label, which can
-- be edited, guarantees one per user. What it holds is bound into the sealed blob and never changes.
do $$
begin
    alter table credentials add column pieces_user text;
    create unique index credentials_one_per_pieces_user on credentials (org_id, pieces_user)
        where pieces_user is not null;
end
$$;

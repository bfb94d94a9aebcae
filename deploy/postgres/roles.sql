-- Run once, on the first primary. `strongroom migrate` creates the role of the servers.
\set replication_password `sed 's/.*://' /run/secrets/replication.pgpass`
\set owner_password `cat /run/secrets/owner.password`
create role strongroom_replication login replication password :'replication_password';
create role strongroom_owner login createrole password :'owner_password';
create database strongroom owner strongroom_owner;

-- Run once, on the first primary. The owner of the tables creates no role: before PostgreSQL 16, CREATEROLE allows it
-- to become any role but a superuser, also one that runs programs on this machine.
\set replication_password `sed 's/.*://' /run/secrets/replication.pgpass`
\set owner_password `cat /run/secrets/owner.password`
\set app_password `cat /run/secrets/app.password`
create role strongroom_replication login replication password :'replication_password';
create role strongroom_owner login password :'owner_password';
create role strongroom_app login password :'app_password';
create database strongroom owner strongroom_owner;

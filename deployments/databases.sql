-- Run once, by a superuser, on a new PostgreSQL: a user and a database for Prefect; a user and two databases for Accord.
\getenv prefect PREFECT_DATABASE_PASSWORD
\getenv accord ACCORD_DATABASE_PASSWORD

CREATE ROLE prefect LOGIN PASSWORD :'prefect';
CREATE DATABASE prefect OWNER prefect;

CREATE ROLE accord LOGIN PASSWORD :'accord';
CREATE DATABASE ledger OWNER accord;
CREATE DATABASE accounts OWNER accord;

\connect prefect
CREATE EXTENSION pg_trgm;

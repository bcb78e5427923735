-- The database, its roles and its schemas. Run by the superuser, before any migration; running it again on the
-- same cluster changes nothing.
--
--   psql -X -v ON_ERROR_STOP=1 -d postgres -f infra/db/bootstrap.sql
--
-- Roles of a service S (design.md 5). None is a superuser, none passes by row-level security.
--   S_owner   owns schema S and migrates it; the running service never uses it
--   S_app     the service, under the policies of its tables
--   S_worker  the service's background work: sees all groups, but only in the tables whose policies name it
-- A service's role has no right at all in another service's schema.
-- The role `auditor` reads every schema and all groups (infra/audit), and can write nothing.
--
-- They have no passwords here: the private cluster trusts its socket (infra/lib/postgres.sh). On a managed
-- Postgres, follow this file by ALTER ROLE … PASSWORD for each.

\set ON_ERROR_STOP on
SET client_min_messages = warning;

-- One order of text everywhere (by code point): pages follow a keyset cursor, and must not depend on a machine.
SELECT 'CREATE DATABASE centrale ENCODING ''UTF8'' LOCALE ''C.UTF-8'' TEMPLATE template0'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'centrale') \gexec

\connect centrale
SET client_min_messages = warning;

BEGIN;

-- Nobody makes objects in `public`; it only holds extensions and the clock.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO PUBLIC;

-- A schema's owner may not create extensions in the database, so those that search and constraints need are here.
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;

DO $$
DECLARE
  service text;
  kind text;
  role_name text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'auditor') THEN
    CREATE ROLE auditor;
  END IF;
  -- BYPASSRLS: an audit that saw one group at a time could not check sums and chains across them.
  ALTER ROLE auditor LOGIN NOSUPERUSER BYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
  -- Not a protection (a session may switch it off; the missing grants protect), but it catches mistakes.
  ALTER ROLE auditor SET default_transaction_read_only = on;
  ALTER ROLE auditor SET lock_timeout = '5s';
  ALTER ROLE auditor SET statement_timeout = '600s';
  ALTER ROLE auditor SET idle_in_transaction_session_timeout = '600s';

  FOREACH service IN ARRAY ARRAY['membership', 'catalogue', 'tendering', 'demand', 'logistics'] LOOP
    FOREACH kind IN ARRAY ARRAY['owner', 'app', 'worker'] LOOP
      role_name := service || '_' || kind;
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
        EXECUTE format('CREATE ROLE %I', role_name);
      END IF;
      EXECUTE format('ALTER ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION', role_name);
      -- SQL names its schema always; this is for sqlx's own table _sqlx_migrations, which has no schema in
      -- its name, and for the operators of the extensions.
      EXECUTE format('ALTER ROLE %I SET search_path = %I, public', role_name, service);
      -- Whoever waits for a lock gives up early and is answered "unavailable", a migration too.
      EXECUTE format('ALTER ROLE %I SET lock_timeout = %L', role_name, '5s');
      EXECUTE format('ALTER ROLE %I SET statement_timeout = %L', role_name,
        CASE kind WHEN 'app' THEN '60s' ELSE '600s' END);
      -- No network call is made while a transaction is open, so an idle one is a lost one.
      EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', role_name,
        CASE kind WHEN 'owner' THEN '600s' ELSE '60s' END);
    END LOOP;

    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', service, service || '_owner');
    EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', service);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I, %I, auditor', service, service || '_app', service || '_worker');

    -- What the owner will create. A migration takes back what a table must not allow (its event table: no
    -- UPDATE, no DELETE).
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I
        GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I, %I',
      service || '_owner', service, service || '_app', service || '_worker');
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT USAGE ON SEQUENCES TO %I, %I',
      service || '_owner', service, service || '_app', service || '_worker');
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT SELECT ON TABLES TO auditor',
      service || '_owner', service);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT SELECT ON SEQUENCES TO auditor',
      service || '_owner', service);
    -- Everybody may execute a new function unless that is taken back, and it can only be taken back for all
    -- schemas at once. A SECURITY DEFINER function must not be open to the auditor.
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC',
      service || '_owner');
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT EXECUTE ON FUNCTIONS TO %I, %I',
      service || '_owner', service, service || '_app', service || '_worker');
  END LOOP;
END
$$;

-- Bulk loads COPY into a temporary table first. Postgres gives this to everybody; a managed one may not.
DO $$
DECLARE
  service text;
BEGIN
  FOREACH service IN ARRAY ARRAY['membership', 'catalogue', 'tendering', 'demand', 'logistics'] LOOP
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), service || '_app');
  END LOOP;
END
$$;

-- The clock of business time (design.md 8): read once per transaction, after its locks. It moves during a
-- transaction, hence volatile. In a normal cluster it is the real time; only infra/db/demo_clock.sql, on a new
-- cluster, makes it another: a cluster that has the demo's clock keeps it.
DO $$
BEGIN
  IF to_regclass('public.demo_clock') IS NULL THEN
    CREATE OR REPLACE FUNCTION public.clock_offset() RETURNS interval
      LANGUAGE sql STABLE PARALLEL SAFE
      RETURN interval '0';
    CREATE OR REPLACE FUNCTION public.business_now() RETURNS timestamptz
      LANGUAGE sql VOLATILE PARALLEL SAFE
      RETURN clock_timestamp() + public.clock_offset();
  END IF;
END
$$;

DO $$
DECLARE
  service text;
BEGIN
  REVOKE ALL ON FUNCTION public.clock_offset(), public.business_now() FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION public.clock_offset(), public.business_now() TO auditor;
  FOREACH service IN ARRAY ARRAY['membership', 'catalogue', 'tendering', 'demand', 'logistics'] LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION public.clock_offset(), public.business_now() TO %I, %I, %I',
      service || '_owner', service || '_app', service || '_worker');
  END LOOP;
END
$$;

COMMIT;

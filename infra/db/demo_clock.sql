-- Gives a NEW cluster a business clock that can be moved (infra/up --demo-clock, infra/test). Run by the
-- superuser in the database `centrale`, after bootstrap.sql and before the first migration. Running it again
-- leaves the clock where it stands.
--
-- Moving it, as the superuser only:
--   UPDATE public.demo_clock SET clock_offset = clock_offset + interval '3 days';

\set ON_ERROR_STOP on
SET client_min_messages = warning;

BEGIN;

DO $$
BEGIN
  IF to_regclass('public.demo_clock') IS NULL AND EXISTS (
    SELECT FROM pg_tables WHERE schemaname IN ('membership', 'catalogue', 'tendering', 'demand', 'logistics'))
  THEN
    RAISE EXCEPTION 'this database is in use: a clock that can be moved is only given to a new one';
  END IF;
END
$$;

CREATE TABLE IF NOT EXISTS public.demo_clock (
  clock_offset interval NOT NULL,
  -- "+ 1 month" is the same instant seen from 30 and from 31 January: with months in the offset the clock
  -- would stand still or run backwards.
  CONSTRAINT demo_clock_without_months CHECK (extract(year FROM clock_offset) = 0 AND extract(month FROM clock_offset) = 0)
);
-- One row.
CREATE UNIQUE INDEX IF NOT EXISTS demo_clock_is_one ON public.demo_clock ((true));
INSERT INTO public.demo_clock SELECT interval '0' WHERE NOT EXISTS (SELECT FROM public.demo_clock);

REVOKE ALL ON public.demo_clock FROM PUBLIC;

-- SECURITY DEFINER: services ask for the offset, they have no right on the table.
CREATE OR REPLACE FUNCTION public.clock_offset() RETURNS interval
  LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  RETURN (SELECT clock_offset FROM public.demo_clock);
CREATE OR REPLACE FUNCTION public.business_now() RETURNS timestamptz
  LANGUAGE sql VOLATILE PARALLEL SAFE
  RETURN clock_timestamp() + public.clock_offset();

COMMIT;

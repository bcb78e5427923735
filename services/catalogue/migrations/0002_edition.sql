-- The edition of the articles: one row, which every registration that changes something raises in its own transaction. Whoever
-- keeps copies of articles asks for it, and knows whether they still hold.
CREATE TABLE edition (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  edition bigint NOT NULL CHECK (edition > 0)
);
INSERT INTO edition (edition) VALUES (1);
DO $do$
BEGIN
  EXECUTE format('REVOKE INSERT, DELETE, TRUNCATE ON edition FROM %1$I_app, %1$I_worker', current_schema);
END $do$;

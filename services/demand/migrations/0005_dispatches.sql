-- An urgent order makes its own round, closed at once.
ALTER TABLE round DROP CONSTRAINT round_kind;
ALTER TABLE round ADD CONSTRAINT round_kind CHECK (kind IN ('ORDER', 'CENSUS', 'URGENT'));

-- Orders leave by e-mail: what is to be sent, who is sending it, what became of it. And answers by the signed link in it.

-- One per pooled order, written in the transaction that places it. Technical time, as for processes: leases and waits do not
-- follow the demo's clock.
CREATE TABLE dispatch (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  pooled_order_id uuid NOT NULL,
  supplier_id uuid NOT NULL,
  -- WAITING to be sent; SENT: a mail server took it; NO_ADDRESS: the supplier has no e-mail address, its order goes as a file;
  -- FAILED: a mail server refused it for good.
  state text NOT NULL CHECK (state IN ('WAITING', 'SENT', 'NO_ADDRESS', 'FAILED')),
  -- 1, and one more each time somebody asks to send it again. With the id it makes the Message-ID.
  sending integer NOT NULL DEFAULT 1 CHECK (sending > 0),
  -- Failures of this sending in a row.
  attempts integer NOT NULL DEFAULT 0,
  holder uuid,
  lease_until timestamptz,
  next_try_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_error text NOT NULL DEFAULT '',
  -- Of the last mail that a server took.
  sent_to text,
  message_id text,
  -- Business time.
  sent_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (group_id, id),
  CONSTRAINT dispatch_once_per_order UNIQUE (group_id, pooled_order_id),
  CHECK ((holder IS NULL) = (lease_until IS NULL)),
  CHECK (holder IS NULL OR state = 'WAITING'),
  CHECK (state <> 'SENT' OR sent_at IS NOT NULL),
  CHECK ((sent_at IS NULL) = (sent_to IS NULL) AND (sent_at IS NULL) = (message_id IS NULL)),
  FOREIGN KEY (group_id, pooled_order_id) REFERENCES pooled_order (group_id, id)
);
CREATE INDEX dispatch_waiting ON dispatch (next_try_at) WHERE state = 'WAITING';
CALL protect('dispatch');
CALL protect_worker('dispatch');

-- Orders that were placed before: their suppliers have them.
INSERT INTO dispatch (group_id, id, pooled_order_id, supplier_id, state, last_error)
SELECT group_id, gen_random_uuid(), id, supplier_id, 'NO_ADDRESS', 'placed before orders were sent by e-mail'
FROM pooled_order WHERE state IN ('PLACED', 'ANSWERED');

ALTER TABLE pooled_order DROP CONSTRAINT pooled_order_answer_means_check;
ALTER TABLE pooled_order ADD CONSTRAINT pooled_order_answer_means_check
  CHECK (answer_means IN ('PORTAL', 'PHONE', 'EMAIL', 'FILE', 'EMAIL_LINK'));
-- Why the supplier accepts less than was ordered, in its words.
ALTER TABLE pooled_line ADD COLUMN answer_reason text NOT NULL DEFAULT '' CHECK (length(answer_reason) <= 500);

-- Where a firm takes orders by e-mail. None: its orders go as files.
ALTER TABLE party ADD COLUMN contact_email text
  CHECK (length(contact_email) BETWEEN 3 AND 254 AND contact_email LIKE '%_@_%')
  CHECK (contact_email IS NULL OR kind = 'FIRM');

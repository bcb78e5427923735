-- Every order line is updated soon after it is written: placed, then delivered. With room on its page no index is touched again.
ALTER TABLE order_line SET (fillfactor = 60);
ALTER TABLE order_form SET (fillfactor = 70);

-- When units were certified as delivered, so that realised savings are told by month. An order line has the sum.
CREATE TABLE line_delivery (
  group_id uuid NOT NULL,
  order_line_id uuid NOT NULL,
  delivered_on date NOT NULL,
  units bigint NOT NULL CHECK (units > 0),
  PRIMARY KEY (group_id, order_line_id, delivered_on),
  FOREIGN KEY (group_id, order_line_id) REFERENCES order_line (group_id, id)
);
CALL protect('line_delivery');

-- What was delivered before was ordered here when its order was placed: no earlier day is known.
INSERT INTO line_delivery (group_id, order_line_id, delivered_on, units)
SELECT l.group_id, l.id, (o.placed_at AT TIME ZONE 'Europe/Paris')::date, l.units_delivered - l.units_opening
FROM order_line l JOIN pooled_order o ON o.group_id = l.group_id AND o.id = l.pooled_order_id
WHERE l.units_delivered > l.units_opening AND o.placed_at IS NOT NULL;

-- An offered price names its packaging, order multiple and tiers. What was opened before had one price per base unit: that is a
-- single tier from the first unit on, sold by the unit.
UPDATE opened_tender SET content = jsonb_set(content, '{offers}', (
  SELECT coalesce(jsonb_agg(jsonb_set(offer, '{prices}', (
           SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'article', price -> 'article', 'packaging', 'UNIT', 'order_multiple_packs', 1,
                    'tiers', jsonb_build_array(jsonb_build_object('min_units', 0, 'unit_price', price -> 'unit_price')))
                  ORDER BY place), '[]')
           FROM jsonb_array_elements(offer -> 'prices') WITH ORDINALITY AS p (price, place)))
         ORDER BY place), '[]')
  FROM jsonb_array_elements(content -> 'offers') WITH ORDINALITY AS o (offer, place)))
WHERE content IS NOT NULL;

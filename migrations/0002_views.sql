-- The seed's tables, as views over the records: a shop's owner queries them with plain SQL, and reports build on them.

create view sync_orders as
select
  r.local_id::varchar(64) as id,
  r.local_id::varchar(64) as local_id,
  r.unique_key::varchar(50) as order_number,
  (r.data ->> 'subtotal')::numeric(10, 2) as subtotal,
  (r.data ->> 'tax')::numeric(10, 2) as tax,
  coalesce((r.data ->> 'discount')::numeric(10, 2), 0.00) as discount,
  (r.data ->> 'total')::numeric(10, 2) as total,
  (r.data ->> 'customerId')::text as customer_id,
  (r.data ->> 'customerName')::text as customer_name,
  (r.data ->> 'tableId')::text as table_id,
  (r.data ->> 'tableName')::text as table_name,
  (r.data ->> 'paymentMethod')::varchar(20) as payment_method,
  (r.data ->> 'paymentStatus')::varchar(20) as payment_status,
  (r.data ->> 'orderStatus')::varchar(20) as order_status,
  (r.data ->> 'notes')::text as notes,
  r.created_by::varchar(64) as device_id,
  r.sync_version::int as sync_version,
  r.server_hash::varchar(64) as server_hash,
  to_timestamp((r.data ->> 'createdAt')::numeric / 1000) at time zone 'UTC' as created_at,
  to_timestamp((r.data ->> 'completedAt')::numeric / 1000) at time zone 'UTC' as completed_at,
  r.updated_at at time zone 'UTC' as updated_at,
  r.store_id
from records r
where r.collection = 'orders' and not r.deleted;

create view sync_order_items as
select
  (i.item ->> 'id')::text as id,
  r.local_id::varchar(64) as order_id,
  i.position::int as position,
  (i.item -> 'product' ->> 'id')::text as product_id,
  (i.item -> 'product' ->> 'name')::text as product_name,
  (i.item -> 'product' ->> 'sku')::text as sku,
  (i.item -> 'product' ->> 'categoryName')::text as category_name,
  (i.item -> 'product' ->> 'price')::numeric(10, 2) as unit_price,
  (i.item ->> 'quantity')::numeric as quantity,
  coalesce((i.item ->> 'discount')::numeric(10, 2), 0.00) as discount,
  i.item -> 'modifiers' as modifiers,
  (i.item ->> 'notes')::text as notes,
  r.store_id
from records r
cross join lateral jsonb_array_elements(r.data -> 'items') with ordinality as i(item, position)
where r.collection = 'orders' and not r.deleted;

create view transactions as
select
  r.local_id::varchar(64) as id,
  r.local_id::varchar(64) as local_id,
  r.unique_key::varchar(50) as reference_number,
  (r.data ->> 'orderId')::varchar(64) as order_id,
  (r.data ->> 'orderNumber')::varchar(50) as order_number,
  (r.data ->> 'type')::varchar(20) as type,
  (r.data ->> 'amount')::numeric(10, 2) as amount,
  (r.data ->> 'paymentMethod')::varchar(20) as payment_method,
  (r.data ->> 'status')::varchar(20) as status,
  (r.data ->> 'userId')::text as user_id,
  (r.data ->> 'userName')::text as user_name,
  (r.data ->> 'notes')::text as notes,
  r.created_by::varchar(64) as device_id,
  r.sync_version::int as sync_version,
  r.server_hash::varchar(64) as server_hash,
  to_timestamp((r.data ->> 'createdAt')::numeric / 1000) at time zone 'UTC' as created_at,
  to_timestamp((r.data ->> 'completedAt')::numeric / 1000) at time zone 'UTC' as completed_at,
  r.updated_at at time zone 'UTC' as updated_at,
  r.store_id
from records r
where r.collection = 'transactions' and not r.deleted;

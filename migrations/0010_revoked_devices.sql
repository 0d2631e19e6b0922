-- Every node asks once a second who was revoked of late.
create index devices_revoked on devices (revoked_at) where revoked_at is not null;

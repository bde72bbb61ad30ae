-- name: make
-- Roles belong to the whole instance: who makes the same ones at the same time, for another database, is as good.
DO $$
DECLARE
  role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['registry_owner', 'registry_writer', 'registry_reader'] LOOP
    IF to_regrole(role) IS NULL THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I', role);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
      END;
    END IF;
  END LOOP;
END $$;

-- name: let_owner_create
DO $$
BEGIN
  IF NOT has_database_privilege('registry_owner', current_database(), 'CREATE') THEN
    EXECUTE format('GRANT CREATE ON DATABASE %I TO registry_owner', current_database());
  END IF;
END $$;

-- name: act_as_owner
SET ROLE registry_owner;

-- name: act_as_user
RESET ROLE;

-- name: join_owner
GRANT registry_owner TO CURRENT_USER;

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

-- name: user_and_owner
-- Who is logged in, and whose the schema is; null while there is none.
SELECT CAST(current_user AS text) AS "user",
       (SELECT CAST(pg_get_userbyid(nspowner) AS text) FROM pg_namespace WHERE nspname = 'registry') AS owner;

-- name: database
SELECT CAST(current_database() AS text);

-- name: let_owner_create
DO $$
BEGIN
  IF NOT has_database_privilege('registry_owner', current_database(), 'CREATE') THEN
    EXECUTE format('GRANT CREATE ON DATABASE %I TO registry_owner', current_database());
  END IF;
END $$;

-- name: hand_over
-- Everything in the schema, from the user who made it before there were roles.
DO $$
DECLARE
  thing text;
BEGIN
  FOR thing IN
    SELECT 'SCHEMA registry'
    UNION ALL
    SELECT format('%s %s', CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, CAST(oid AS regclass))
    FROM pg_class WHERE relnamespace = to_regnamespace('registry') AND relkind IN ('r', 'v')
    UNION ALL
    SELECT format('DOMAIN %s', CAST(oid AS regtype)) FROM pg_type WHERE typnamespace = to_regnamespace('registry') AND typtype = 'd'
    UNION ALL
    SELECT format('FUNCTION %s', CAST(oid AS regprocedure)) FROM pg_proc WHERE pronamespace = to_regnamespace('registry')
  LOOP
    EXECUTE format('ALTER %s OWNER TO registry_owner', thing);
  END LOOP;
END $$;

-- name: act_as_owner
SET ROLE registry_owner;

-- name: act_as_user
RESET ROLE;

-- name: join_owner
GRANT registry_owner TO CURRENT_USER;

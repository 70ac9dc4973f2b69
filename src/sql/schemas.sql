
-- The schemas of the tables. The search_path is used only here, once; from here on every table is named with its schema,
-- so that no other table of the same name can take its place.

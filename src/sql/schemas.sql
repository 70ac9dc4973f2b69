
-- Where the tables are. The search_path is asked here, once; from here on every name of ours has its schema, so that
-- nothing of the same name can take another's place.

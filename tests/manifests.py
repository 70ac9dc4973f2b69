"""manifests.py FILE: prints the documents of a YAML file as a JSON array. A key that is there twice is an error."""
import json, sys, yaml


class Strict(yaml.SafeLoader):
    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, value in node.value]
        if len(keys) != len(set(keys)):
            sys.exit(f'{node.start_mark}: a key is there twice: {keys}')
        return super().construct_mapping(node, deep)


json.dump(list(yaml.load_all(open(sys.argv[1]), Strict)), sys.stdout)

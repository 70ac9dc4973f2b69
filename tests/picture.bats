# The README's first picture is what the programs print.
# bats file_tags=server
load helper

@test "the picture of a dry run and a run is drawn from a real one" {
  sample_database
  before=$(state)
  "$project/examples/picture.sh" > picture.svg
  assert_equal "$(state)" "$before"   # its last command is the undo
  cmp picture.svg "$project/examples/picture.svg"
  python3 -c 'import xml.dom.minidom; xml.dom.minidom.parse("picture.svg")'
  grep -q 'Successfully updated 7 records in total' picture.svg
  grep -q '(examples/picture.svg)' "$project/README.md"
}

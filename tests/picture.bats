# The README's first picture is what the programs print.
# bats file_tags=server
load helper

@test "the picture shows a real dry run and run" {
  sample_database
  before=$(state)
  "$project/examples/picture.sh" > picture.svg
  assert_equal "$(state)" "$before"   # its last command is the undo
  cmp picture.svg "$project/examples/picture.svg"
  python3 -c 'import xml.dom.minidom; xml.dom.minidom.parse("picture.svg")'
  grep -q 'Successfully updated 7 records in total' picture.svg
  grep -q '(examples/picture.svg)' "$project/README.md"
}

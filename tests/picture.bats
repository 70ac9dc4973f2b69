# The README's first picture is what the programs print.
# bats file_tags=server
load helper

@test "the picture of a dry run, a run and its undo is drawn from a real one" {
  sample_database
  before=$(state)
  "$project/examples/picture.sh" > picture.svg
  assert_equal "$(state)" "$before"   # its last command is the undo
  # how fast it was is another matter
  timeless() { sed -E 's/[0-9]+\/s, [0-9:]+ left/RATE/' "$1"; }
  run -0 diff <(timeless picture.svg) <(timeless "$project/examples/picture.svg")
  python3 -c 'import xml.dom.minidom; xml.dom.minidom.parse("picture.svg")'
  grep -q 'applying 3 of 7 (42%)' picture.svg
  grep -q 'Successfully updated 7 records in total' picture.svg
  grep -q 'Successfully reverted 7 records in total' picture.svg
  grep -q '(examples/picture.svg)' "$project/README.md"
}

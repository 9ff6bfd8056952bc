# Plays the commands of Vivado that scripts of a package call: each one is printed, and refused where Vivado would refuse it.
puts "Tcl [info patchlevel] in the place of Vivado"

set added {}          ;# every file of the project
set interfaces {s_axis m_axis}

proc say {args} { puts "> [join $args { | }]" }

# Ends where an option that is no flag of the command stands: name, arguments, flags alone, flags with a value.
proc options {name arguments alone valued} {
  set given {}
  set rest {}
  for {set place 0} {$place < [llength $arguments]} {incr place} {
    set word [lindex $arguments $place]
    if {$word in $alone} { dict set given $word 1
    } elseif {$word in $valued} { dict set given $word [lindex $arguments [incr place]]
    } elseif {[string match -* $word]} { error "$name: unknown option '$word'"
    } else { lappend rest $word }
  }
  return [list $given $rest]
}

proc create_project {args} {
  lassign [options create_project $args {-in_memory -force} {-part}] given
  say create_project [dict get $given -part]
}
proc close_project {} { say close_project }
proc get_filesets {name} {
  if {$name ni {sources_1 constrs_1 sim_1}} { error "no fileset '$name'" }
  return $name
}
proc add_files {args} {
  global added
  lassign [options add_files $args {-norecurse} {-fileset}] given rest
  if {[llength $rest] != 1} { error "add_files: not one list of names" }
  foreach file [lindex $rest 0] {
    if {![file isfile $file] || [file pathtype $file] ne "absolute"} { error "add_files: no file '$file'" }
    lappend added $file
    say add_files [dict get $given -fileset] $file
  }
}
# A list of patterns: a name with a space must come as one element of it.
proc get_files {patterns} {
  set found {}
  foreach pattern $patterns { lappend found {*}[lsearch -all -inline -glob $::added $pattern] }
  if {[llength $found] == 0} { error "get_files: '$patterns' was not added" }
  return $found
}
proc set_property {name value objects} {
  if {[llength $objects] == 0} { error "set_property: no object" }
  foreach object $objects { say set_property $name $value $object }
}
proc update_compile_order {args} {
  lassign [options update_compile_order $args {} {-fileset}] given
  say update_compile_order [dict get $given -fileset]
}

namespace eval ipx {
  proc package_project {args} {
    lassign [options package_project $args {-import_files} {-root_dir -vendor -library -taxonomy -set_current}] given rest
    if {[llength $rest]} { error "package_project: unexpected '$rest'" }
    say package_project [dict get $given -vendor] [dict get $given -library] [dict get $given -root_dir]
  }
  proc current_core {} { return core }
  proc get_bus_interfaces {name args} {
    if {$args ne "-of_objects core"} { error "get_bus_interfaces: '$args'" }
    return [lsearch -all -inline $::interfaces $name]
  }
  foreach name {create_xgui_files update_checksums check_integrity save_core} {
    proc $name {core} [string map [list NAME $name] { say NAME $core }]
  }
}

// What a worker gives up before a script of others runs in it.
#pragma once

namespace trunkline::script {

/// Ends with its parent, leaves no core, writes no file, and has no files but its three.
void confine_process();
/// From now on no thread of this process can open a file, make a socket or start a program. False: the kernel has no filters.
bool forbid_io();

}  // namespace trunkline::script

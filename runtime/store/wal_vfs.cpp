#include "runtime/store/wal_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>

#include "trunkline/error.hpp"

namespace trunkline::store {
namespace {

constexpr char kName[] = "trunkline-gathering";
// SQLite's own VFS for Unix writes no more than this in one call (it masks the size). What is larger is written in several parts.
constexpr sqlite3_int64 kMostBytes = (128 << 10) - 1;
constexpr sqlite3_int64 kFirstBytes = 16 << 10;

sqlite3_vfs* system_vfs() {
  static sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
  return vfs;
}

/// What SQLite allocates for a log: this, and behind it the system's own file.
struct LogFile {
  sqlite3_file base;
  char* gathered;          // owned; null until the first write
  sqlite3_int64 capacity;  // of `gathered`
  sqlite3_int64 size;      // bytes gathered
  sqlite3_int64 offset;    // where in the file they belong
};
constexpr int kSystemFileAt = (sizeof(LogFile) + alignof(std::max_align_t) - 1) & ~(alignof(std::max_align_t) - 1);

LogFile& log(sqlite3_file* file) { return *reinterpret_cast<LogFile*>(file); }
sqlite3_file* system_file(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + kSystemFileAt);
}

int write_out(sqlite3_file* file) {
  LogFile& self = log(file);
  if (self.size == 0) return SQLITE_OK;
  sqlite3_file* system = system_file(file);
  const sqlite3_int64 size = std::exchange(self.size, 0);
  return system->pMethods->xWrite(system, self.gathered, static_cast<int>(size), self.offset);
}

bool make_room(LogFile& self, sqlite3_int64 bytes) {
  if (self.capacity >= bytes) return true;
  const sqlite3_int64 capacity = std::max({bytes, std::min(2 * self.capacity, kMostBytes), kFirstBytes});
  auto* larger = static_cast<char*>(sqlite3_realloc64(self.gathered, static_cast<sqlite3_uint64>(capacity)));
  if (!larger) return false;
  self.gathered = larger;
  self.capacity = capacity;
  return true;
}

int log_write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) {
  LogFile& self = log(file);
  if (self.size > 0 && (offset != self.offset + self.size || self.size + bytes > kMostBytes)) {
    const int code = write_out(file);
    if (code != SQLITE_OK) return code;
  }
  if (!make_room(self, self.size + bytes)) return SQLITE_IOERR_NOMEM;
  if (self.size == 0) self.offset = offset;
  std::memcpy(self.gathered + self.size, data, static_cast<std::size_t>(bytes));
  self.size += bytes;
  return SQLITE_OK;
}

/// A method of the system's file, with everything that was written before it.
template <auto method, class... Arguments>
int after_writes(sqlite3_file* file, Arguments... arguments) {
  const int code = write_out(file);
  if (code != SQLITE_OK) return code;
  sqlite3_file* system = system_file(file);
  return (system->pMethods->*method)(system, arguments...);
}

/// A method of the system's file that has nothing to do with what is in it.
template <auto method, class... Arguments>
int passed_on(sqlite3_file* file, Arguments... arguments) {
  sqlite3_file* system = system_file(file);
  return (system->pMethods->*method)(system, arguments...);
}

int log_close(sqlite3_file* file) {
  const int written = write_out(file);
  sqlite3_free(std::exchange(log(file).gathered, nullptr));
  const int closed = passed_on<&sqlite3_io_methods::xClose>(file);
  return written != SQLITE_OK ? written : closed;
}

// Version 1: a log is neither mapped nor shared as memory.
const sqlite3_io_methods kLogMethods = {
    .iVersion = 1,
    .xClose = log_close,
    .xRead = after_writes<&sqlite3_io_methods::xRead, void*, int, sqlite3_int64>,
    .xWrite = log_write,
    .xTruncate = after_writes<&sqlite3_io_methods::xTruncate, sqlite3_int64>,
    .xSync = after_writes<&sqlite3_io_methods::xSync, int>,
    .xFileSize = after_writes<&sqlite3_io_methods::xFileSize, sqlite3_int64*>,
    .xLock = passed_on<&sqlite3_io_methods::xLock, int>,
    .xUnlock = passed_on<&sqlite3_io_methods::xUnlock, int>,
    .xCheckReservedLock = passed_on<&sqlite3_io_methods::xCheckReservedLock, int*>,
    .xFileControl = passed_on<&sqlite3_io_methods::xFileControl, int, void*>,
    .xSectorSize = passed_on<&sqlite3_io_methods::xSectorSize>,
    .xDeviceCharacteristics = passed_on<&sqlite3_io_methods::xDeviceCharacteristics>,
};

int open_file(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
  if (!(flags & SQLITE_OPEN_WAL)) return system_vfs()->xOpen(system_vfs(), name, file, flags, out_flags);
  sqlite3_file* system = system_file(file);
  const int code = system_vfs()->xOpen(system_vfs(), name, system, flags, out_flags);
  // SQLite closes what has methods, even after a failure.
  new (file)
      LogFile{.base = {system->pMethods ? &kLogMethods : nullptr}, .gathered = nullptr, .capacity = 0, .size = 0, .offset = 0};
  return code;
}

/// A function of the system's VFS. It is called with its own object: its methods look into it.
template <auto function, class... Arguments>
auto of_system(sqlite3_vfs*, Arguments... arguments) {
  return (system_vfs()->*function)(system_vfs(), arguments...);
}

sqlite3_vfs make_vfs() {
  const sqlite3_vfs& system = *system_vfs();
  return {
      .iVersion = 2,
      .szOsFile = kSystemFileAt + system.szOsFile,
      .mxPathname = system.mxPathname,
      .zName = kName,
      .xOpen = open_file,
      .xDelete = of_system<&sqlite3_vfs::xDelete, const char*, int>,
      .xAccess = of_system<&sqlite3_vfs::xAccess, const char*, int, int*>,
      .xFullPathname = of_system<&sqlite3_vfs::xFullPathname, const char*, int, char*>,
      .xDlOpen = of_system<&sqlite3_vfs::xDlOpen, const char*>,
      .xDlError = of_system<&sqlite3_vfs::xDlError, int, char*>,
      .xDlSym = [](sqlite3_vfs*, void* library,
                   const char* symbol) { return system_vfs()->xDlSym(system_vfs(), library, symbol); },
      .xDlClose = of_system<&sqlite3_vfs::xDlClose, void*>,
      .xRandomness = of_system<&sqlite3_vfs::xRandomness, int, char*>,
      .xSleep = of_system<&sqlite3_vfs::xSleep, int>,
      .xCurrentTime = of_system<&sqlite3_vfs::xCurrentTime, double*>,
      .xGetLastError = of_system<&sqlite3_vfs::xGetLastError, int, char*>,
      .xCurrentTimeInt64 = of_system<&sqlite3_vfs::xCurrentTimeInt64, sqlite3_int64*>,
  };
}

}  // namespace

const char* gathering_vfs() {
  static const int registered = [] {
    sqlite3_initialize();
    static sqlite3_vfs vfs = make_vfs();
    return sqlite3_vfs_register(&vfs, 0);
  }();
  if (registered != SQLITE_OK) throw Error(ErrorCode::kInternal, "SQLite did not take our file functions");
  return kName;
}

}  // namespace trunkline::store

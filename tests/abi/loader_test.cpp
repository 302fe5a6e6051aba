// Every way to be wrong before an instance exists: the error says what was found and what was wanted.
#include "runtime/plugin/loader.h"

#include <elf.h>
#include <gmock/gmock.h>

#include <fstream>

#include "tests/abi/test_plugins.h"

namespace trunkline::plugin {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A folder for one test, with plugins that it writes itself.
class Loader : public ::testing::Test {
 protected:
  Loader() {
    folder_ = fs::temp_directory_path() / ("trunkline_abi_" + std::to_string(::getpid()) + "_" +
                                           ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    options_.paths = {test_plugins_folder(), folder_};
  }
  ~Loader() override { fs::remove_all(folder_); }

  void write(const fs::path& file, std::string_view bytes) {
    fs::create_directories((folder_ / file).parent_path());
    std::ofstream(folder_ / file, std::ios::binary) << bytes;
  }
  static std::string manifest(const std::string& id, const std::string& more = "") {
    return R"({"id": ")" + id +
           R"(", "version": "1.0.0", "abi_min": "1.0", "library": "x.so", "interfaces": ["trunkline.sms/1"])" + more + "}";
  }
  static std::string bytes_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Error load_error(const std::string& id) {
    PluginLoader loader(options_);
    try {
      loader.load(id);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << id << " was loaded";
    return {};
  }
  // The error of loading a library with these bytes.
  std::string library_problem(std::string_view bytes) {
    write("x/plugin.json", manifest("x"));
    write("x/x.so", bytes);
    const Error error = load_error("x");
    EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
    EXPECT_THAT(error.message, StartsWith("plugin library " + (folder_ / "x/x.so").string() + ": found "));
    return error.message;
  }

  fs::path folder_;
  LoaderOptions options_;
};

TEST_F(Loader, LoadsAGoodPluginOnce) {
  PluginLoader loader(options_);
  const LoadedPlugin& first = loader.load("test-noop");
  EXPECT_EQ(first.manifest.name, "Accepts everything");
  EXPECT_EQ(first.entry->abi_built, TL_ABI_CURRENT);
  EXPECT_EQ(&loader.load("test-noop"), &first);
  PluginLoader other(options_);
  EXPECT_EQ(other.load("test-noop").entry, first.entry) << "two runtimes share the code";
}

TEST_F(Loader, FindsWithoutLoading) {
  write("broken/plugin.json", "{");
  PluginLoader loader(options_);
  bool noop = false, broken = false;
  for (const FoundPlugin& plugin : loader.found()) {
    EXPECT_EQ(plugin.loaded, nullptr);
    if (plugin.id == "test-noop") noop = plugin.manifest.has_value();
    if (plugin.id == "broken") broken = plugin.error.has_value();
  }
  EXPECT_TRUE(noop);
  EXPECT_TRUE(broken);
}

TEST_F(Loader, NoManifest) {
  options_.paths = {folder_};
  write("test-noop/test-noop.so", "");
  EXPECT_EQ(load_error("test-noop").code, ErrorCode::kNotFound);
  EXPECT_EQ(load_error("test-noop").message,
            "plugin test-noop: no plugin.json with this id; found no plugin in " + folder_.string());
  write("other/plugin.json", manifest("other"));
  EXPECT_EQ(load_error("test-noop").message, "plugin test-noop: no plugin.json with this id; found other in " + folder_.string());
}

TEST_F(Loader, MalformedManifest) {
  write("x/plugin.json", R"({"id": "x", "version": 1})");
  write("y/plugin.json", "{\"id\": \"y");
  EXPECT_EQ(load_error("x").code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(load_error("x").message, AllOf(HasSubstr("version: found 1, wanted MAJOR.MINOR.PATCH"),
                                             HasSubstr("library: missing"), HasSubstr("interfaces: missing")));
  EXPECT_THAT(load_error("y").message, HasSubstr("y/plugin.json: JSON: "));
}

TEST_F(Loader, MissingLibrary) {
  write("x/plugin.json", manifest("x"));
  EXPECT_EQ(load_error("x").code, ErrorCode::kNotFound);
  EXPECT_EQ(load_error("x").message, "plugin library " + (folder_ / "x/x.so").string() + ": found no file");
  fs::create_directories(folder_ / "x/x.so");
  EXPECT_THAT(load_error("x").message, EndsWith("found no file"));
}

TEST_F(Loader, NotALibrary) {
  EXPECT_THAT(library_problem(""), EndsWith("found an empty file, wanted an ELF shared library"));
  EXPECT_THAT(library_problem("#!/bin/sh\n"),
              EndsWith("found a file that begins with 23 21 2f 62, wanted an ELF shared library"));
  EXPECT_THAT(library_problem("MZ\x90"), EndsWith("found a Windows library, wanted an ELF shared library"));
  EXPECT_THAT(library_problem("\xcf\xfa\xed\xfe...."), EndsWith("found a macOS library, wanted an ELF shared library"));
  EXPECT_THAT(library_problem("\x7f"
                              "ELF\x02\x01"),
              EndsWith("found an ELF header cut off after 6 bytes, wanted 64 bytes"));
}

TEST_F(Loader, WrongArchitecture) {
  const std::string good = bytes_of(test_plugins_folder() / "test-noop/test-noop.so");
  ASSERT_GT(good.size(), sizeof(Elf64_Ehdr));
  const auto with = [&](auto change) {
    std::string bytes = good;
    change(*reinterpret_cast<Elf64_Ehdr*>(bytes.data()));
    return library_problem(bytes);
  };
#if defined(__x86_64__)
  const std::uint16_t other = EM_AARCH64;
  const std::string wanted = "wanted x86-64, 64 bit, little endian";
  EXPECT_THAT(with([&](Elf64_Ehdr& head) { head.e_machine = other; }),
              EndsWith("found AArch64, 64 bit, little endian, " + wanted));
  EXPECT_THAT(with([&](Elf64_Ehdr& head) { head.e_machine = EM_386, head.e_ident[EI_CLASS] = ELFCLASS32; }),
              EndsWith("found x86 (32 bit), 32 bit, little endian, " + wanted));
  EXPECT_THAT(with([&](Elf64_Ehdr& head) {
                head.e_machine = static_cast<Elf64_Half>(EM_S390 << 8), head.e_ident[EI_DATA] = ELFDATA2MSB;
              }),
              EndsWith("found S/390, 64 bit, big endian, " + wanted));
#endif
  EXPECT_THAT(with([&](Elf64_Ehdr& head) { head.e_type = ET_REL; }),
              EndsWith("found an object file, wanted a shared library (ELF type ET_DYN)"));
  EXPECT_THAT(with([&](Elf64_Ehdr& head) { head.e_type = ET_EXEC; }),
              EndsWith("found a program, wanted a shared library (ELF type ET_DYN)"));
}

TEST_F(Loader, LibraryThatTheLinkerRefuses) {
  const std::string good = bytes_of(test_plugins_folder() / "test-noop/test-noop.so");
  write("x/plugin.json", manifest("x"));
  write("x/x.so", good.substr(0, sizeof(Elf64_Ehdr) + 8));
  EXPECT_THAT(
      load_error("x").message,
      AllOf(StartsWith("plugin x (" + (folder_ / "x/x.so").string() + "): the dynamic linker refused it: "), HasSubstr("x.so")));
}

TEST_F(Loader, UndefinedSymbolIsFoundAtLoad) {
  EXPECT_THAT(load_error("bad-undefined-symbol").message,
              AllOf(HasSubstr("the dynamic linker refused it"), HasSubstr("undefined symbol: function_that_nobody_has")));
}

TEST_F(Loader, MissingEntrySymbol) {
  EXPECT_THAT(load_error("bad-missing-entry").message,
              EndsWith("found no symbol trunkline_plugin_v1, wanted a const tl_plugin_entry of that name"));
}

TEST_F(Loader, WrongEntry) {
  EXPECT_THAT(load_error("bad-entry-empty").message, EndsWith("found an entry of struct_size 4, wanted at least 48"));
  EXPECT_THAT(load_error("bad-entry-too-small").message, EndsWith("found an entry of struct_size 32, wanted at least 48"));
  EXPECT_THAT(load_error("bad-entry-null-slot").message, EndsWith("found a null slot stop in the entry, wanted a function"));
}

TEST_F(Loader, WrongAbiOfTheLibrary) {
  EXPECT_THAT(load_error("bad-abi-built-major").message, EndsWith("found an entry built for ABI 2.0, wanted ABI major 1"));
  EXPECT_THAT(load_error("bad-abi-min-major").message, EndsWith("found an entry that needs ABI 2.0, wanted ABI major 1"));
  EXPECT_THAT(load_error("bad-abi-min-newer").message,
              EndsWith("found an entry that needs host ABI 1.99, wanted at most 1.0, the ABI of this host"));
}

TEST_F(Loader, WrongAbiOfTheManifestRunsNoCode) {
  const auto with_abi = [](const std::string& id, const std::string& abi) {
    return R"({"id": ")" + id + R"(", "version": "1.0.0", "abi_min": ")" + abi +
           R"(", "library": "not-there.so", "interfaces": ["trunkline.sms/1"]})";
  };
  write("x/plugin.json", with_abi("x", "1.99"));
  write("y/plugin.json", with_abi("y", "2.0"));
  EXPECT_THAT(load_error("x").message, HasSubstr("its manifest wants host ABI 1.99 or newer within major 1, found host ABI 1.0"));
  EXPECT_THAT(load_error("y").message, HasSubstr("its manifest wants host ABI 2.0 or newer within major 2, found host ABI 1.0"));
}

TEST_F(Loader, DraftsNeedASetting) {
  write("x/plugin.json",
        R"({"id": "x", "version": "1.0.0", "abi_min": "1.0", "library": "x.so", "interfaces": ["trunkline.pstn/draft-1"]})");
  EXPECT_EQ(load_error("x").code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(
      load_error("x").message,
      EndsWith(
          "found the draft interface trunkline.pstn/draft-1, wanted released interfaces only, or plugins.allow_drafts: true"));
  options_.allow_drafts = true;
  EXPECT_THAT(load_error("x").message, EndsWith("found no file"));
}

TEST_F(Loader, HashesThatAreNotAllowed) {
  options_.allow_hashes = {std::string(64, '0')};
  const Error error = load_error("test-noop");
  EXPECT_EQ(error.code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("found SHA-256 "), EndsWith(", wanted one of the 1 hashes of plugins.allow_hashes")));
  const std::string hash = error.message.substr(error.message.find("SHA-256 ") + 8, 64);
  options_.allow_hashes.push_back(hash);
  PluginLoader loader(options_);
  EXPECT_NO_THROW(loader.load("test-noop"));
}

TEST_F(Loader, TheSameIdTwice) {
  write("a/plugin.json", manifest("x"));
  write("b/plugin.json", manifest("x"));
  EXPECT_EQ(load_error("x").code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(load_error("x").message, "plugin x: found twice, in " + (folder_ / "a/plugin.json").string() + " and " +
                                         (folder_ / "b/plugin.json").string() + ", wanted once");
}

TEST_F(Loader, AFolderListedTwiceIsFine) {
  options_.paths = {test_plugins_folder(), test_plugins_folder() / "../test_plugins", test_plugins_folder() / "test-noop"};
  PluginLoader loader(options_);
  EXPECT_NO_THROW(loader.load("test-noop"));
}

TEST_F(Loader, AnErrorIsKept) {
  write("x/plugin.json", manifest("x"));
  PluginLoader loader(options_);
  EXPECT_THROW(loader.load("x"), Error);
  for (const FoundPlugin& plugin : loader.found())
    if (plugin.id == "x") {
      EXPECT_THAT(plugin.error->message, EndsWith("found no file"));
    }
}

TEST_F(Loader, BuiltIn) {
  PluginLoader loader(options_);
  const tl_plugin_entry* entry = loader.load("test-noop").entry;
  loader.add_builtin(R"({"id": "in-program", "version": "1.0.0", "abi_min": "1.0", "interfaces": ["trunkline.sms/1"]})", entry);
  EXPECT_EQ(loader.load("in-program").entry, entry);
  EXPECT_THROW(loader.add_builtin(
                   R"({"id": "in-program", "version": "1.0.0", "abi_min": "1.0", "interfaces": ["trunkline.sms/1"]})", entry),
               Error);
  EXPECT_THROW(
      loader.add_builtin(R"({"id": "null", "version": "1.0.0", "abi_min": "1.0", "interfaces": ["trunkline.sms/1"]})", nullptr),
      Error);
}

}  // namespace
}  // namespace trunkline::plugin

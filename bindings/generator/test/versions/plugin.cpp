// A plugin for versions.test.js, built against the older and the newer headers.
#include "trunkline/plugin.hpp"

#include "trunkline/demo_provider.hpp"

#ifdef NEWER
#include "trunkline/stream.hpp"
#endif

namespace demo = trunkline::demo;
using trunkline::Call;
using trunkline::Task;

#ifdef NEWER
class Three : public trunkline::StreamSource<demo::Thing> {
 public:
  Task<std::vector<demo::Thing>> next(std::uint32_t) override {
    std::vector<demo::Thing> things(left_);
    left_ = 0;
    co_return things;
  }

 private:
  std::size_t left_ = 3;
};
#endif

class Maker : public demo::DemoProvider {
 public:
  explicit Maker(trunkline::Host) {}
  Task<demo::Thing> make(Call, std::string name, trunkline::Duration, std::optional<trunkline::Properties>) override {
    demo::Thing thing;
    thing.name = std::move(name);
    thing.parts = {"a", "b"};
#ifdef NEWER
    thing.made = trunkline::Time{trunkline::Duration{42}};
#endif
    co_return thing;
  }
  std::int32_t count(const Call&, demo::AnyView any) override {
    return any.thing() ? static_cast<std::int32_t>(any.thing()->parts().size())
                       : static_cast<std::int32_t>(any.number().value_or(-1));
  }
#ifdef NEWER
  Task<std::unique_ptr<trunkline::StreamSource<demo::Thing>>> all(Call) override { co_return std::make_unique<Three>(); }
#endif
};

TRUNKLINE_EXPORT_PLUGIN(Maker)

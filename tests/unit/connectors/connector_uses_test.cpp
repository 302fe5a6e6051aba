#include "runtime/connectors/connector_uses.h"

#include <gmock/gmock.h>

#include "runtime/workflow/compile.h"

namespace trunkline::connectors {
namespace {

using expression::Value;
using testing::ElementsAre;

/// `name (stands for): users` of each.
std::vector<std::string> uses_of(const std::string& triggers, const std::string& actions,
                                 const std::map<std::string, ConnectionMapping>& mappings = {}, const char* parameters = "{}") {
  const Value definition = expression::parse_value(
      R"j({"$schema":"https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
"contentVersion":"1.0.0.0","parameters":{"$connections":{"type":"Object","defaultValue":{}}},"triggers":)j" +
      triggers + ",\"actions\":" + actions + "}");
  const Value values = expression::parse_value(parameters);
  workflow::CompileInput input{.definition = definition, .parameters = &values};
  input.definition_pointer = "/properties/definition";
  const workflow::PlanPtr plan = workflow::compile_or_throw(input);
  std::vector<std::string> out;
  for (const ConnectorUse& use : connector_uses(*plan, definition, mappings)) {
    std::string text = use.name + " (" + use.stands_for + "):";
    for (const std::string& user : use.used_by) text += " " + user;
    out.push_back(std::move(text));
  }
  return out;
}

constexpr const char* kManual = R"j({"manual":{"type":"Request","kind":"Http"}})j";

std::string call(const char* connection) {
  return R"j({"type":"ApiConnection","runAfter":{},"inputs":{"host":{"connection":{"name":"@parameters('$connections')[')j" +
         std::string(connection) + R"j(']['connectionId']"}},"method":"get","path":"/x"}})j";
}

TEST(ConnectorUses, NamesEachOnceWithAllThatUseIt) {
  const std::string actions = R"j({"A":)j" + call("office365") + R"j(,"S":{"type":"Scope","runAfter":{},"actions":{"B":)j" +
                              call("arm") + R"j(,"C":)j" + call("office365") + "}}}";
  EXPECT_THAT(uses_of(kManual, actions), ElementsAre("office365 (): A C", "arm (): B"));
}

TEST(ConnectorUses, SaysWhatStandsForThem) {
  const std::string actions =
      R"j({"Text":)j" + call("azurecommunicationservicessms") + R"j(,"Ask":)j" + call("crm") +
      R"j(,"Score":{"type":"Function","runAfter":{},"inputs":{"function":{"id":"/sites/x/functions/Score"}}}})j";
  EXPECT_THAT(uses_of(kManual, actions, {{"CRM", {"http://crm.example", "", ""}}, {"score", {"", "rate", ""}}}),
              ElementsAre("azurecommunicationservicessms (this runtime): Text", "crm (http://crm.example): Ask",
                          "Score (the function 'rate'): Score"));
}

TEST(ConnectorUses, KnowTheManagedApiOfAConnection) {
  EXPECT_THAT(uses_of(kManual, R"j({"Text":)j" + call("my-texts") + "}", {}, R"j({"$connections":{"value":{"my-texts":{
"connectionId":"/c/my-texts","id":"/providers/Microsoft.Web/locations/x/managedApis/azurecommunicationservicessms"}}}})j"),
              ElementsAre("azurecommunicationservicessms (this runtime): Text"));
}

TEST(ConnectorUses, TriggersAndTypesOfActionsAreAmongThem) {
  const char* triggers = R"j({"Event":{"type":"ApiConnectionWebhook","inputs":{"host":{"connection":{"name":
"@parameters('$connections')['azureeventgrid']['connectionId']"}},"path":"/x","body":{}}}})j";
  const char* actions = R"j({"Map":{"type":"Xslt","runAfter":{},"inputs":{"content":"<a/>"}},
"Cloud":{"type":"Function","runAfter":{},"inputs":{"function":{"id":"https://f.example/api/x"}}}})j";
  EXPECT_THAT(uses_of(triggers, actions), ElementsAre("azureeventgrid (this runtime): Event", "Xslt (): Map"));
}

}  // namespace
}  // namespace trunkline::connectors

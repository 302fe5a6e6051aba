// What the parts of calls share. Owned by CallService.
#pragma once
#include <mutex>

#include "runtime/calls/call.h"
#include "runtime/calls/callback_sender.h"
#include "runtime/calls/notices.h"
#include "runtime/calls/phone_legs.h"
#include "runtime/calls/sound_taps.h"
#include "runtime/calls/speech_ears.h"
#include "runtime/calls/speech_engine.h"
#include "runtime/services/context.h"

namespace trunkline {
class NumberService;
class ResourceService;
class RoomService;
class SipRoutingService;
}  // namespace trunkline

namespace trunkline::calls {

/// Who says the texts that applications play: a voice, or tones in its place. kAuto: a voice where real sound is carried.
/// In the order of CallsConfig::Speech.
enum class SpeechMode { kAuto, kVoice, kTones };

/// What is understood of what people say. kAuto: the sound of those whose real sound is carried, the words of simulated phones.
/// kSound: the sound of all, simulated phones speak with a voice. kWords: only the words of simulated phones. In the order of
/// CallsConfig::Recognition.
enum class RecognitionMode { kAuto, kSound, kWords };

struct SpeechSettings {
  SpeechMode mode = SpeechMode::kAuto;
  RecognitionMode recognition = RecognitionMode::kAuto;
  std::string model;                 // folder
  std::string espeak = "espeak-ng";  // program
};

struct CallCore {
  CallCore(ServiceContext& context, ResourceService& resources, NumberService& numbers, RoomService& rooms,
           SipRoutingService& routing, net::HttpSender& http, SpeechSettings settings, PhoneLegs::OnFailed on_leg_failed)
      : context(context),
        resources(resources),
        numbers(numbers),
        rooms(rooms),
        routing(routing),
        http(http),
        speech_mode(settings.mode),
        recognition(settings.recognition),
        speech(context.executor, EspeakVoice(settings.espeak)),
        ears(context.executor, std::move(settings.model)),
        sender(context.executor, context.clock, context.log, context.ids, http, signer),
        notices(context, sender, listeners),
        legs(context, std::move(on_leg_failed)) {}

  /// Of a connection of this resource, in a state for the action. Throws the documented refusals. [mutex held]
  Connection& require(const Resource& resource, std::string_view connection_id, CallAction action);
  /// [mutex held]
  Call& call_of(const Connection& connection);
  /// Whether the real sound of this participant is there. [mutex held]
  bool carries_sound(const Call& call, const Participant& who);
  /// Whether that sound is what is understood, and not words that its provider tells. [mutex held]
  bool has_voice(const Call& call, const Participant& who);

  ServiceContext& context;
  ResourceService& resources;
  NumberService& numbers;
  RoomService& rooms;
  SipRoutingService& routing;
  net::HttpSender& http;
  const SpeechMode speech_mode;
  const RecognitionMode recognition;
  SpeechEngine speech;
  SpeechEars ears;
  CallbackSigner signer;
  CallbackSender sender;
  CallListeners listeners;

  /// Guards the book and everything in it, and the order of what is told. Never held while anything is awaited, and nothing that
  /// is called under it calls back.
  std::mutex mutex;
  CallBook book;
  CallNotices notices;
  PhoneLegs legs;
  SoundTaps taps;
};

/// Throws kInvalidArgument unless this is an absolute http or https URL.
void check_callback_uri(std::string_view uri, const std::string& target);

}  // namespace trunkline::calls
